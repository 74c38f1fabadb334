"""Who may call the API."""

from sqlalchemy import Boolean, Column, DateTime, Table, Text, func

from callcenter.storage.engine import metadata

api_keys = Table(
    "api_keys",
    metadata,
    Column("name", Text, primary_key=True),
    Column("sha256", Text, nullable=False, unique=True),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("may_change", Boolean, nullable=False, server_default="false"),
    Column("revoked_at", DateTime(timezone=True)),
)
