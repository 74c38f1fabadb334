"""Who listened to what, and sets of recordings as one file.

Playbacks and their ends are only ever added: as the chain's, their triggers refuse anything else to whoever does not
first drop them.
"""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "CREATE TABLE recording_playbacks (id uuid CONSTRAINT pk_recording_playbacks PRIMARY KEY,"
        ' recording_id uuid NOT NULL, at timestamptz NOT NULL DEFAULT now(), "by" text NOT NULL, why text NOT NULL,'
        " how text NOT NULL, first_second double precision NOT NULL, last_second double precision NOT NULL,"
        " bytes bigint NOT NULL, address text NOT NULL)"
    )
    op.execute("CREATE INDEX ix_recording_playbacks_recording_id_at ON recording_playbacks (recording_id, at)")
    op.execute("CREATE INDEX ix_recording_playbacks_at_id ON recording_playbacks (at, id)")
    op.execute('CREATE INDEX ix_recording_playbacks_by_at ON recording_playbacks ("by", at)')
    op.execute(
        "CREATE TABLE recording_playback_ends (playback_id uuid CONSTRAINT pk_recording_playback_ends PRIMARY KEY,"
        " at timestamptz NOT NULL DEFAULT now(), last_second double precision NOT NULL, bytes bigint NOT NULL)"
    )
    op.execute(
        "CREATE FUNCTION refuse_change_of_playbacks() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
    )
    for table in ("recording_playbacks", "recording_playback_ends"):
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_playbacks()"
        )
    op.execute(
        "CREATE TABLE recording_exports (id uuid CONSTRAINT pk_recording_exports PRIMARY KEY,"
        ' "by" text NOT NULL, why text NOT NULL, address text NOT NULL, filters jsonb NOT NULL,'
        " recordings uuid[] NOT NULL, state text NOT NULL DEFAULT 'queued', done integer NOT NULL DEFAULT 0,"
        " total integer NOT NULL, bytes bigint NOT NULL DEFAULT 0, reason text, claim uuid, claimed_until timestamptz,"
        " created_at timestamptz NOT NULL DEFAULT now(), finished_at timestamptz, expires_at timestamptz,"
        " fetches integer NOT NULL DEFAULT 0)"
    )
    op.execute("CREATE INDEX ix_recording_exports_state ON recording_exports (state)")
    op.execute("CREATE INDEX ix_recording_exports_created_at_id ON recording_exports (created_at, id)")


def downgrade() -> None:
    op.execute("DROP TABLE recording_exports, recording_playback_ends, recording_playbacks")
    op.execute("DROP FUNCTION refuse_change_of_playbacks()")
