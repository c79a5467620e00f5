"""Long tasks: how far an attempt is, and the instant after which nobody wants a task any more."""

from alembic import op

from grace.kit.migrations import statements

revision = "0012"
down_revision = "0011"

# A table of its own: few attempts tell, and what they tell changes often.
SQL = """
CREATE TABLE htm_progress (
    task_id        uuid NOT NULL,
    attempt_number integer NOT NULL,
    percent        integer NOT NULL CHECK (percent BETWEEN 0 AND 100),
    message        text,
    told_at        timestamptz NOT NULL,
    PRIMARY KEY (task_id, attempt_number)
);

ALTER TABLE htm_tasks ADD COLUMN deadline_at timestamptz;

CREATE INDEX htm_tasks_overdue ON htm_tasks (deadline_at)
    WHERE deadline_at IS NOT NULL AND finished_at IS NULL AND cancel_requested_at IS NULL;
"""


def upgrade() -> None:
    """Show how far long tasks are, and stop them in time."""
    for statement in statements(SQL):
        op.execute(statement)
