"""Service levels of tasks that wait for others: they are open, and have deadlines like the rest."""

from alembic import op

from grace.kit.migrations import statements

revision = "0014"
down_revision = "0013"

SQL = """
DROP INDEX htm_tasks_sla;

CREATE INDEX htm_tasks_sla ON htm_tasks (tenant_id, type, sla_state, sla_deadline_at)
    WHERE status IN ('waiting', 'scheduled', 'queued', 'retrying', 'needs_attention', 'joining')
      AND sla_state <> 'breached';
"""


def upgrade() -> None:
    """Look at all that are open."""
    for statement in statements(SQL):
        op.execute(statement)
