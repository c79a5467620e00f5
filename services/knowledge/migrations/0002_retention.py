"""Keys of requests serve their time."""

from alembic import op

from grace.kit.migrations import statements

revision = "0002"
down_revision = "0001"

SQL = """
CREATE INDEX ingest_keys_age ON ingest_keys (created_at);

GRANT DELETE ON ingest_keys TO knowledge;
"""


def upgrade() -> None:
    """Let the service forget what nobody repeats any more."""
    for statement in statements(SQL):
        op.execute(statement)
