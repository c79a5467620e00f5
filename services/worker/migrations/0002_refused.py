"""A receipt says when its effect was refused: whoever tries it again finds a world nobody touched."""

from alembic import op

from grace.kit.migrations import statements

revision = "0002"
down_revision = "0001"

CHANGES = """
ALTER TABLE effect_receipts ADD COLUMN refused_at timestamptz;

GRANT UPDATE (refused_at) ON effect_receipts TO worker;
"""


def upgrade() -> None:
    """Add the column, which the worker may write."""
    for statement in statements(CHANGES):
        op.execute(statement)
