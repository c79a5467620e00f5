"""Unique keys: which task holds one, while it is alive."""

from alembic import op

from grace.kit.migrations import statements

revision = "0008"
down_revision = "0007"

# A row outlives its task: who ends tasks need not know of it. Whether the key is free, the task tells.
SQL = """
CREATE TABLE htm_unique_keys (
    tenant_id  text NOT NULL,
    unique_key text NOT NULL,
    task_id    uuid,
    PRIMARY KEY (tenant_id, unique_key)
);

CREATE INDEX htm_unique_keys_oldest ON htm_unique_keys (task_id NULLS FIRST);
"""


def upgrade() -> None:
    """Let one task at a time hold a key."""
    for statement in statements(SQL):
        op.execute(statement)
