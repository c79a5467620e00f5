"""Missions that are due are looked for past all that were due since the last vacuum."""

from alembic import op

from grace.kit.migrations import statements

revision = "0010"
down_revision = "0009"

SQL = """
ALTER TABLE missions SET (autovacuum_vacuum_scale_factor = 0.02);
"""


def upgrade() -> None:
    """After a fiftieth of them has changed, not after a fifth."""
    for statement in statements(SQL):
        op.execute(statement)
