"""What decided a call's service, facts beside its outcome, alerts, and which keys may change things."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("api_keys", sa.Column("may_change", sa.Boolean(), server_default="false", nullable=False))
    op.execute("UPDATE api_keys SET may_change = true WHERE name = 'local'")
    op.add_column("calls", sa.Column("service_reason", sa.Text()))
    op.add_column("calls", sa.Column("menu_choice", sa.Text()))
    op.add_column("calls", sa.Column("marks", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False))
    op.create_index("ix_calls_marks", "calls", ["marks"], postgresql_using="gin")
    op.create_table(
        "alerts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("pbx", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("count", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_by", sa.Text(), nullable=True),
        sa.Column("cleared_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alerts")),
    )
    op.create_index(
        "uq_alerts_standing",
        "alerts",
        ["pbx", "kind", "key"],
        unique=True,
        postgresql_where=sa.text("cleared_at IS NULL"),
    )
    op.create_index("ix_alerts_raised_at", "alerts", ["raised_at"])
