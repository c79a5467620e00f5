"""Who reported the error of a mission asks for it, too: without an intent."""

from alembic import op

from grace.kit.migrations import statements

revision = "0008"
down_revision = "0007"

SQL = """
ALTER TABLE mission_requesters ALTER COLUMN intent_id DROP NOT NULL;

COMMENT ON TABLE mission_requesters IS
    'Who submitted an intent that follows a mission, or reported its error, too: ids of another service, without a foreign key.';
"""


def upgrade() -> None:
    """Allow requesters without an intent."""
    for statement in statements(SQL):
        op.execute(statement)
