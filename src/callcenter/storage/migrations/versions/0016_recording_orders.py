"""Pauses of running recordings, asked for by API: who, when, and what came of it."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "CREATE TABLE recording_orders (id bigint GENERATED ALWAYS AS IDENTITY"
        " CONSTRAINT pk_recording_orders PRIMARY KEY, pbx text NOT NULL, recording_id uuid NOT NULL,"
        " what text NOT NULL, by text NOT NULL, at timestamptz NOT NULL DEFAULT now(), done_at timestamptz,"
        " result text)"
    )
    op.execute("CREATE INDEX ix_recording_orders_recording_id ON recording_orders (recording_id)")


def downgrade() -> None:
    op.execute("DROP TABLE recording_orders")
