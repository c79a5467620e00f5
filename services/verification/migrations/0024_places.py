"""A baseline is one of a place, not of a name."""

from alembic import op

from grace.kit.migrations import statements

revision = "0024"
down_revision = "0023"

SQL = """
ALTER TABLE benchmarks ADD COLUMN definition text;

COMMENT ON COLUMN benchmarks.definition IS
    'What its target stood for when it was measured, as the worker knew it. Null: nobody asked, as before this column.';
"""


def upgrade() -> None:
    """Keep what the target stood for."""
    for statement in statements(SQL):
        op.execute(statement)
