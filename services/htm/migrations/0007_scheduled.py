"""Tasks whose time has not come yet."""

from alembic import op

from grace.kit.migrations import statements

revision = "0007"
down_revision = "0004"

# Of what waits for its time, retries and scheduled tasks alike, the next one is read off one index.
SQL = """
ALTER TABLE htm_tasks
    ADD COLUMN run_at timestamptz,
    DROP CONSTRAINT htm_tasks_status_check,
    ADD CONSTRAINT htm_tasks_status_check CHECK (status IN (
        'scheduled', 'queued', 'assigned', 'running', 'retrying', 'needs_attention',
        'succeeded', 'failed', 'cancelled', 'expired', 'dead_letter')),
    DROP CONSTRAINT retrying_has_wait,
    ADD CONSTRAINT waiting_has_time CHECK (
        (status IN ('scheduled', 'retrying')) = (not_before IS NOT NULL)),
    ADD CONSTRAINT scheduled_has_time CHECK (status <> 'scheduled' OR run_at IS NOT NULL);

DROP INDEX htm_tasks_retrying;

CREATE INDEX htm_tasks_due ON htm_tasks (not_before) WHERE not_before IS NOT NULL;

DROP TRIGGER only_through_doors ON htm_tasks;

CREATE TRIGGER only_through_doors
    BEFORE UPDATE ON htm_tasks FOR EACH ROW
    WHEN (OLD.status <> NEW.status AND NOT CASE OLD.status
        WHEN 'scheduled' THEN NEW.status IN ('queued', 'cancelled')
        WHEN 'queued' THEN NEW.status IN ('assigned', 'expired', 'cancelled')
        WHEN 'assigned' THEN NEW.status IN ('running', 'succeeded', 'failed', 'retrying',
            'dead_letter', 'cancelled', 'needs_attention')
        WHEN 'running' THEN NEW.status IN ('succeeded', 'failed', 'retrying', 'dead_letter',
            'cancelled', 'needs_attention')
        WHEN 'retrying' THEN NEW.status IN ('queued', 'expired', 'cancelled')
        WHEN 'needs_attention' THEN NEW.status IN ('queued', 'cancelled')
        ELSE false END)
    EXECUTE FUNCTION refuse_move();
"""


def upgrade() -> None:
    """Let tasks wait for their time."""
    for statement in statements(SQL):
        op.execute(statement)
