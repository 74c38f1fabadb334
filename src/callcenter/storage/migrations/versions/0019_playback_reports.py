"""What players say that they played; whole sittings of a listener are known as such."""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE recording_playbacks ADD COLUMN listening uuid")
    op.execute(
        "CREATE TABLE recording_playback_reports (id bigint GENERATED ALWAYS AS IDENTITY"
        " CONSTRAINT pk_recording_playback_reports PRIMARY KEY, recording_id uuid NOT NULL, listening uuid NOT NULL,"
        " by text NOT NULL, at timestamptz NOT NULL DEFAULT now(), parts jsonb NOT NULL)"
    )
    op.execute("CREATE INDEX ix_recording_playback_reports_listening ON recording_playback_reports (listening)")
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON recording_playback_reports"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_playbacks()"
    )


def downgrade() -> None:
    op.execute("DROP TABLE recording_playback_reports")
    op.execute("ALTER TABLE recording_playbacks DROP COLUMN listening")
