"""Why a term or a hold was ended, and what a hold refers to.

What is kept, and what is to be removed, is found without reading past all that is gone.
"""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE retention_policies ADD COLUMN ended_why text")
    op.execute("ALTER TABLE recording_holds ADD COLUMN reference text NOT NULL DEFAULT '', ADD COLUMN ended_why text")
    op.execute(
        "CREATE UNIQUE INDEX uq_recording_holds_marked ON recording_holds (recording_id) WHERE by = 'mark complaint'"
    )
    op.execute("CREATE INDEX ix_recordings_kept ON recordings (started_at, id) WHERE state IN ('archived', 'expired')")
    op.execute(
        "CREATE INDEX ix_recordings_to_remove ON recordings (pbx) WHERE state = 'destroyed' AND path IS NOT NULL"
    )


def downgrade() -> None:
    op.execute("DROP INDEX ix_recordings_to_remove, ix_recordings_kept, uq_recording_holds_marked")
    op.execute("ALTER TABLE recording_holds DROP COLUMN ended_why, DROP COLUMN reference")
    op.execute("ALTER TABLE retention_policies DROP COLUMN ended_why")
