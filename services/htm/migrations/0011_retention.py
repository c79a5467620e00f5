"""Retention: what belongs to an ended task is found by the task."""

from alembic import op

from grace.kit.migrations import statements

revision = "0011"
down_revision = "0010"

# The keys of a task without a look at all keys; and no search through them for each task that goes:
# keys and attempts are written with their task and go with it, in one statement each.
SQL = """
CREATE INDEX IF NOT EXISTS htm_task_keys_listed ON htm_task_keys (tenant_id, task_id);

ALTER TABLE htm_task_attempts DROP CONSTRAINT IF EXISTS htm_task_attempts_task_id_fkey;

ALTER TABLE htm_task_keys DROP CONSTRAINT IF EXISTS htm_task_keys_task_id_fkey;
"""


def upgrade() -> None:
    """Let tasks go cheaply."""
    for statement in statements(SQL):
        op.execute(statement)
