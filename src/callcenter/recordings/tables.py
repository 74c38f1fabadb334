"""Recordings as rows: what must exist, what was found, where it is; the hash chain that proves it."""

from sqlalchemy import BigInteger, Column, DateTime, Float, Identity, Index, Integer, LargeBinary, Table, Text, func
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

from callcenter.storage.engine import metadata

recordings = Table(
    "recordings",
    metadata,
    Column("id", UUID(as_uuid=True), primary_key=True),
    # no foreign key: months of calls are detached by their own retention, recordings kept by theirs (decision 15); and
    # calls merge while they run, so that a recording may be stored before the call that it belongs to
    Column("call_id", UUID(as_uuid=True), nullable=False, index=True),
    Column("pbx", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("started_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True)),
    Column("begun_at", DateTime(timezone=True)),
    Column("talk_at", DateTime(timezone=True)),
    Column("talk_seconds", Float),
    Column("state", Text, nullable=False, server_default="expected"),
    Column("reason", Text),
    Column("flags", ARRAY(Text), nullable=False, server_default="{}"),
    Column("life", JSONB, nullable=False, server_default="[]"),
    Column("path", Text),
    Column("media_type", Text),
    Column("channels", Integer),
    Column("seconds", Float),
    Column("bytes", BigInteger),
    Column("sha256", Text),
    Column("sealed_bytes", BigInteger),
    Column("sealed_sha256", Text),
    Column("heard", JSONB),
    Column("store", Text),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_try_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("ix_recordings_state_next_try_at", "state", "next_try_at"),
    Index("ix_recordings_started_at_id", "started_at", "id"),
    Index("ix_recordings_kept", "started_at", "id", postgresql_where="state IN ('archived', 'expired')"),
    Index("ix_recordings_to_remove", "pbx", postgresql_where="state = 'destroyed' AND path IS NOT NULL"),
    Index("ix_recordings_flags", "flags", postgresql_using="gin", postgresql_with={"fastupdate": "off"}),
)

recording_keys = Table(
    "recording_keys",
    metadata,
    Column("recording_id", UUID(as_uuid=True), primary_key=True),
    Column("site_key", Text, nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
)
"""A file's own key, wrapped for the site's. Destroying a recording destroys its row here, and with it every copy."""

recording_peaks = Table(
    "recording_peaks",
    metadata,
    Column("recording_id", UUID(as_uuid=True), primary_key=True),
    Column("peaks", LargeBinary, nullable=False),
)

recording_chain = Table(
    "recording_chain",
    metadata,
    Column("pbx", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("recording_id", UUID(as_uuid=True), index=True),
    Column("entry", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("signature", Text, nullable=False),
)
"""Append-only: each hash is over the one before and the entry as it stands here (`recordings.chain`)."""

recording_playbacks = Table(
    "recording_playbacks",
    metadata,
    Column("id", UUID(as_uuid=True), primary_key=True),
    Column("recording_id", UUID(as_uuid=True), nullable=False),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("by", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("how", Text, nullable=False),
    Column("first_second", Float, nullable=False),
    Column("last_second", Float, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("address", Text, nullable=False),
    Column("listening", UUID(as_uuid=True)),
    Index("ix_recording_playbacks_recording_id_at", "recording_id", "at"),
    Index("ix_recording_playbacks_at_id", "at", "id"),
    Index("ix_recording_playbacks_by_at", "by", "at"),
)
"""Append-only: an answer with audio, written before its first byte, as what it was going to send."""

recording_playback_ends = Table(
    "recording_playback_ends",
    metadata,
    Column("playback_id", UUID(as_uuid=True), primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("last_second", Float, nullable=False),
    Column("bytes", BigInteger, nullable=False),
)
"""Append-only: what was sent in truth, written when the answer ended or its client broke off."""

recording_playback_reports = Table(
    "recording_playback_reports",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("recording_id", UUID(as_uuid=True), nullable=False),
    Column("listening", UUID(as_uuid=True), nullable=False),
    Column("by", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("parts", JSONB, nullable=False),
    Index("ix_recording_playback_reports_listening", "listening"),
)
"""Append-only: which seconds a player says that it played, [[first, last], …]."""

recording_exports = Table(
    "recording_exports",
    metadata,
    Column("id", UUID(as_uuid=True), primary_key=True),
    Column("by", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("filters", JSONB, nullable=False),
    Column("recordings", ARRAY(UUID(as_uuid=True)), nullable=False),
    Column("state", Text, nullable=False, server_default="queued", index=True),
    Column("done", Integer, nullable=False, server_default="0"),
    Column("total", Integer, nullable=False),
    Column("bytes", BigInteger, nullable=False, server_default="0"),
    Column("reason", Text),
    Column("claim", UUID(as_uuid=True)),
    Column("claimed_until", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("finished_at", DateTime(timezone=True)),
    Column("expires_at", DateTime(timezone=True)),
    Column("fetches", Integer, nullable=False, server_default="0"),
    Index("ix_recording_exports_created_at_id", "created_at", "id"),
)
