"""Terms of recordings, holds, and protocols of what expired and was destroyed."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

IDENTITY = "id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_{} PRIMARY KEY"
ENDED = "by text NOT NULL, at timestamptz NOT NULL DEFAULT now(), ended_at timestamptz, ended_by text"


def upgrade() -> None:
    op.execute(
        f"CREATE TABLE retention_policies ({IDENTITY.format('retention_policies')}, kind text NOT NULL,"
        f" keep_days integer NOT NULL CHECK (keep_days > 0), reference text NOT NULL, {ENDED})"
    )
    op.execute("CREATE UNIQUE INDEX uq_retention_policies_kind ON retention_policies (kind) WHERE ended_at IS NULL")
    op.execute(
        f"CREATE TABLE recording_holds ({IDENTITY.format('recording_holds')}, recording_id uuid NOT NULL,"
        f" why text NOT NULL, note text NOT NULL, {ENDED})"
    )
    op.execute("CREATE INDEX ix_recording_holds_recording_id ON recording_holds (recording_id)")
    op.execute(
        f"CREATE TABLE expiry_protocols ({IDENTITY.format('expiry_protocols')}, pbx text NOT NULL,"
        " at timestamptz NOT NULL DEFAULT now(), day date NOT NULL, action text NOT NULL, recordings integer NOT NULL,"
        " reasons jsonb NOT NULL, last_seq bigint NOT NULL)"
    )
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON expiry_protocols"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_chain()"
    )


def downgrade() -> None:
    op.execute("DROP TABLE expiry_protocols, recording_holds, retention_policies")
