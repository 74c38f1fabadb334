"""The raw facts and how far we have read: chunks of Asterisk's files exactly as written, compressed."""

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Identity, Index, Integer, LargeBinary, Table, Text, func

from callcenter.storage.engine import metadata

journal_sources = Table(
    "journal_sources",
    metadata,
    Column("pbx", Text, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("inode", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("head", LargeBinary, nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

journal_chunks = Table(
    "journal_chunks",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("pbx", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("inode", BigInteger, nullable=False),
    Column("start", BigInteger, nullable=False),
    Column("end", BigInteger, nullable=False),
    Column("lines", Integer, nullable=False),
    # every journal had been read to its end behind this chunk: the moment at which the tracker settles
    Column("drained", Boolean, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("stored_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("ix_journal_chunks_pbx_id", "pbx", "id"),
)

journal_rejects = Table(
    "journal_rejects",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("pbx", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("line", LargeBinary, nullable=False),
    Column("reason", Text, nullable=False),
    Column("seen_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

tracker_states = Table(
    "tracker_states",
    metadata,
    Column("pbx", Text, primary_key=True),
    Column("low_water_chunk", BigInteger, nullable=False),
    Column("last_chunk", BigInteger, nullable=False, server_default="0"),
)
