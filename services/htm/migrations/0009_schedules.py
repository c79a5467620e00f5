"""Schedules: tasks that are submitted again and again, at the times of a cron expression."""

from alembic import op

from grace.kit.migrations import statements

revision = "0009"
down_revision = "0008"

SQL = """
CREATE TABLE htm_schedules (
    tenant_id     text NOT NULL,
    name          text NOT NULL,
    cron          text NOT NULL,
    time_zone     text NOT NULL,
    catch_up      text NOT NULL CHECK (catch_up IN ('skip', 'one', 'all')),
    catch_up_most integer NOT NULL CHECK (catch_up_most BETWEEN 1 AND 1000),
    enabled       boolean NOT NULL,
    spec          jsonb NOT NULL,
    next_at       timestamptz,
    last_slot_at  timestamptz,
    last_fired_at timestamptz,
    last_task_id  uuid,
    last_outcome  text,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    updated_by    text NOT NULL,
    PRIMARY KEY (tenant_id, name)
);

CREATE INDEX htm_schedules_due ON htm_schedules (next_at) WHERE enabled;
"""


def upgrade() -> None:
    """Add schedules."""
    for statement in statements(SQL):
        op.execute(statement)
