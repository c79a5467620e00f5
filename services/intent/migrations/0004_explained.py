"""Which playbooks were considered for a mission."""

from alembic import op

from grace.kit.migrations import statements

revision = "0004"
down_revision = "0003"

SQL = """
ALTER TABLE missions ADD COLUMN considered text;

COMMENT ON COLUMN missions.considered IS
    'JSON as text: the playbooks that were looked at when it was last planned for, and why each was taken or not.';
"""


def upgrade() -> None:
    """Extend the table of missions."""
    for statement in statements(SQL):
        op.execute(statement)
