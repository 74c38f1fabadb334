"""The newest chunk of each PBX: chunks are kept in the order of their ids, whatever journal they are of."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tracker_states", sa.Column("last_chunk", sa.BigInteger(), server_default="0", nullable=False))


def downgrade() -> None:
    op.drop_column("tracker_states", "last_chunk")
