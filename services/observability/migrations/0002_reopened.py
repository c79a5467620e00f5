"""Remediations that were verified are found by their mission, too: a later look may take them back."""

from alembic import op

from grace.kit.migrations import statements

revision = "0002"
down_revision = "0001"

SQL = """
DROP INDEX remediations_missions;

CREATE INDEX remediations_missions ON remediations (mission_id) WHERE status IN ('open', 'verified');
"""


def upgrade() -> None:
    """Widen the index."""
    for statement in statements(SQL):
        op.execute(statement)
