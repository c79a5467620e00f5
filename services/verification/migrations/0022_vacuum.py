"""Contracts, takes and watches that are due are looked for past all that were due since the last vacuum."""

from alembic import op

from grace.kit.migrations import statements

revision = "0022"
down_revision = "0021"

SQL = """
ALTER TABLE action_contracts SET (autovacuum_vacuum_scale_factor = 0.02);

ALTER TABLE takes SET (autovacuum_vacuum_scale_factor = 0.02);

ALTER TABLE watches SET (autovacuum_vacuum_scale_factor = 0.02);
"""


def upgrade() -> None:
    """After a fiftieth of them has changed, not after a fifth."""
    for statement in statements(SQL):
        op.execute(statement)
