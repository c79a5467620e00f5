"""How far each consumer has read its stream, so that what it can never read any more is told of."""

from alembic import op

from grace.kit.migrations import kit_tables

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the kit's tables of its second edition."""
    for statement in kit_tables(2):
        op.execute(statement)
