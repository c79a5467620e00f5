"""Keys that end soon are found by an index."""

from alembic import op

from grace.kit.migrations import statements

revision = "0003"
down_revision = "0002"

SQL = """
CREATE INDEX api_keys_expiry ON api_keys (expires_at);
"""


def upgrade() -> None:
    """Find keys by when they end."""
    for statement in statements(SQL):
        op.execute(statement)
