"""Blind intervals, how far each PBX was observed, completeness checks."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "watched_pbxs",
        sa.Column("pbx", sa.Text(), nullable=False),
        sa.Column("watched_since", INSTANT, nullable=False),
        sa.Column("seen_at", INSTANT, nullable=False),
        sa.Column("read_up_at", INSTANT, nullable=True),
        sa.Column("stopped", sa.Boolean(), nullable=False),
        sa.Column("journal", sa.Boolean(), nullable=False),
        sa.Column("check_asked_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("pbx", name=op.f("pk_watched_pbxs")),
    )
    op.create_table(
        "blind_intervals",
        sa.Column("pbx", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("since", INSTANT, nullable=False),
        sa.Column("until", INSTANT, nullable=True),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("filled_at", INSTANT, nullable=True),
        sa.Column("filled_by", sa.Text(), nullable=True),
        sa.Column("noticed_at", INSTANT, server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("pbx", "source", "since", name=op.f("pk_blind_intervals")),
    )
    op.create_table(
        "completeness_checks",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("pbx", sa.Text(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("since", INSTANT, nullable=True),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("boot", sa.Text(), nullable=False),
        sa.Column("processed", sa.BigInteger(), nullable=True),
        sa.Column("journalled", sa.BigInteger(), nullable=True),
        sa.Column("missing_calls", sa.Integer(), nullable=False),
        sa.Column("missing_starts", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("missing_ends", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("missing_linkedid_ends", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_completeness_checks")),
    )
    op.create_index("ix_completeness_checks_pbx_at", "completeness_checks", ["pbx", "at"])
    op.create_table(
        "completeness_states",
        sa.Column("pbx", sa.Text(), nullable=False),
        sa.Column("chunk", sa.BigInteger(), nullable=False),
        sa.Column("tally", postgresql.JSONB(), nullable=False),
        sa.Column("anchor", postgresql.JSONB(), nullable=True),
        sa.PrimaryKeyConstraint("pbx", name=op.f("pk_completeness_states")),
    )
