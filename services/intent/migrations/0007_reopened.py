"""When a later look found the fault of a mission back: its end is no success any more."""

from alembic import op

from grace.kit.migrations import statements

revision = "0007"
down_revision = "0006"

SQL = """
ALTER TABLE missions ADD COLUMN reopened_at timestamptz;

COMMENT ON COLUMN missions.reopened_at IS
    'When a later look found the fault back, the last time; its end does not change, and counts as no success.';

CREATE OR REPLACE VIEW intent_views AS
SELECT i.*,
       CASE m.status
            WHEN 'captured' THEN CASE m.plan_attempt WHEN 0 THEN 'accepted' ELSE 'planning' END
            WHEN 'planned' THEN 'running'
            WHEN 'blocked' THEN 'blocked'
            ELSE m.outcome
       END AS status,
       m.reason, m.planned_at, m.closed_at, m.playbook,
       i.accepted_at + i.sla_ms * interval '1 millisecond' AS sla_deadline,
       m.reopened_at
  FROM intents i
  JOIN missions m USING (mission_id);
"""


def upgrade() -> None:
    """Keep the reopening beside the end, and show it."""
    for statement in statements(SQL):
        op.execute(statement)
