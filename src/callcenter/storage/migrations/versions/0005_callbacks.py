"""Callbacks and follow-ups."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

NOW = sa.text("now()")


def _instant(name: str, *, nullable: bool = True, default: bool = False) -> "sa.Column[object]":
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable, server_default=NOW if default else None)


def upgrade() -> None:
    op.create_index(
        "ix_calls_outbound_did", "calls", ["did", "started_at"], postgresql_where=sa.text("direction = 'outbound'")
    )
    op.create_table(
        "callbacks",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), primary_key=True),
        sa.Column("pbx", sa.Text(), nullable=False),
        sa.Column("call_id", sa.UUID(), nullable=False, unique=True),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        _instant("place_at", nullable=False),
        _instant("requested_at", nullable=False),
        sa.Column("state", sa.Text(), nullable=False, server_default="waiting"),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"),
        _instant("next_try_at", nullable=False),
        sa.Column("uniqueid", sa.Text()),
        _instant("dialled_at"),
        sa.Column("cause", sa.Text()),
        sa.Column("agent", sa.Text()),
        _instant("ended_at"),
        sa.Column("cancelled_by", sa.Text()),
        _instant("updated_at", nullable=False, default=True),
    )
    op.create_index("ix_callbacks_state", "callbacks", ["pbx", "state", "place_at"])
    op.create_table(
        "callback_attempts",
        sa.Column("uniqueid", sa.Text(), primary_key=True),
        sa.Column("callback_id", sa.BigInteger(), sa.ForeignKey("callbacks.id", ondelete="CASCADE"), nullable=False),
        sa.Column("call_id", sa.UUID(), nullable=False),
        _instant("dialled_at", nullable=False),
        _instant("ended_at"),
        sa.Column("cause", sa.Text()),
    )
    op.create_index("ix_callback_attempts_callback_id", "callback_attempts", ["callback_id"])
    _create_follow_ups()


def _create_follow_ups() -> None:
    op.create_table(
        "follow_ups",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), primary_key=True),
        sa.Column("pbx", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False, server_default="open"),
        _instant("lost_at", nullable=False),
        _instant("due_at", nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("call_id", sa.UUID(), nullable=False),
        sa.Column("taken_by", sa.Text()),
        _instant("taken_at"),
        sa.Column("closed_by", sa.Text()),
        _instant("closed_at"),
        sa.Column("reached_call_id", sa.UUID()),
        _instant("created_at", nullable=False, default=True),
    )
    op.create_index(
        "uq_follow_ups_open", "follow_ups", ["pbx", "line", "number"],
        unique=True, postgresql_where=sa.text("state IN ('open', 'taken')"),
    )  # fmt: skip
    op.create_index("ix_follow_ups_due_at", "follow_ups", ["due_at", "id"])
    op.create_table(
        "follow_up_calls",
        sa.Column("call_id", sa.UUID(), primary_key=True),
        sa.Column("follow_up_id", sa.BigInteger(), sa.ForeignKey("follow_ups.id", ondelete="CASCADE")),
    )
    op.create_table(
        "follow_up_notes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), primary_key=True),
        sa.Column("follow_up_id", sa.BigInteger(), sa.ForeignKey("follow_ups.id", ondelete="CASCADE"), nullable=False),
        _instant("at", nullable=False, default=True),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False, server_default=""),
    )
    op.create_index("ix_follow_up_notes_follow_up_id", "follow_up_notes", ["follow_up_id"])
    # Calls from before there was a worklist are nobody's to follow up.
    op.execute("INSERT INTO follow_up_calls (call_id) SELECT id FROM calls")
