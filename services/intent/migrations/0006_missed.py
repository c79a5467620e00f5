"""Which report of a mission was sent last: one that was sent after its end belongs to the next."""

from alembic import op

from grace.kit.migrations import statements

revision = "0006"
down_revision = "0005"

SQL = """
ALTER TABLE missions ADD COLUMN last_signal_id uuid, ADD COLUMN last_issued_at timestamptz;
"""


def upgrade() -> None:
    """Keep the last report's id and time."""
    for statement in statements(SQL):
        op.execute(statement)
