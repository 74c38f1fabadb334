"""The life of a recording, the key of each file, and the chain that proves what there was.

Recordings that were `ready` are WAV files without encryption or seal: `unsealed` now, and sealed by the
pipeline like new ones, as soon as it runs. The chain refuses to be changed by whoever does not first drop its trigger;
that it was changed all the same, `callcenter recordings verify` finds.
"""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

COLUMNS = (
    "ended_at timestamptz",
    "begun_at timestamptz",
    "talk_at timestamptz",
    "talk_seconds double precision",
    "flags text[] NOT NULL DEFAULT '{}'",
    "life jsonb NOT NULL DEFAULT '[]'",
    "sealed_bytes bigint",
    "sealed_sha256 text",
    "heard jsonb",
    "store text",
)


def upgrade() -> None:
    for column in COLUMNS:
        op.execute(f"ALTER TABLE recordings ADD COLUMN {column}")
    op.execute(
        "UPDATE recordings SET begun_at = started_at,"
        " ended_at = started_at + make_interval(secs => coalesce(seconds, 0))"
    )
    op.execute("UPDATE recordings SET state = 'unsealed', next_try_at = now() WHERE state = 'ready'")
    op.execute("UPDATE recordings SET state = 'absent' WHERE state IN ('failed', 'silent')")
    op.execute("CREATE INDEX ix_recordings_started_at_id ON recordings (started_at, id)")
    op.execute("CREATE INDEX ix_recordings_flags ON recordings USING gin (flags) WITH (fastupdate = off)")
    op.execute(
        "CREATE TABLE recording_keys (recording_id uuid CONSTRAINT pk_recording_keys PRIMARY KEY,"
        " site_key text NOT NULL, wrapped bytea NOT NULL)"
    )
    op.execute(
        "CREATE TABLE recording_peaks (recording_id uuid CONSTRAINT pk_recording_peaks PRIMARY KEY,"
        " peaks bytea NOT NULL)"
    )
    op.execute(
        "CREATE TABLE recording_chain (pbx text NOT NULL, seq bigint NOT NULL, kind text NOT NULL, recording_id uuid,"
        " entry text NOT NULL, hash text NOT NULL, signature text NOT NULL,"
        " CONSTRAINT pk_recording_chain PRIMARY KEY (pbx, seq))"
    )
    op.execute("CREATE INDEX ix_recording_chain_recording_id ON recording_chain (recording_id)")
    op.execute(
        "CREATE FUNCTION refuse_change_of_chain() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
    )
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON recording_chain"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_chain()"
    )


def downgrade() -> None:
    op.execute("DROP TABLE recording_chain, recording_peaks, recording_keys")
    op.execute("DROP FUNCTION refuse_change_of_chain()")
    op.execute("DROP INDEX ix_recordings_started_at_id, ix_recordings_flags")
    op.execute("UPDATE recordings SET state = 'ready' WHERE state = 'unsealed'")
    for column in reversed(COLUMNS):
        op.execute(f"ALTER TABLE recordings DROP COLUMN {column.split()[0]}")
