"""What people steer: cancelled, released and replayed tasks, dead letters, paused kernels."""

from alembic import op

from grace.kit.migrations import statements

revision = "0002"
down_revision = "0001"

SQL = """
ALTER TABLE htm_tasks
    ADD COLUMN cancel_requested_at timestamptz,
    ADD COLUMN cancel_requested_by text,
    ADD COLUMN released_at timestamptz,
    ADD COLUMN released_by text,
    ADD COLUMN replay_of uuid REFERENCES htm_tasks (id),
    ADD CONSTRAINT cancel_has_a_name CHECK (
        (cancel_requested_at IS NULL) = (cancel_requested_by IS NULL)),
    ADD CONSTRAINT release_has_a_name CHECK ((released_at IS NULL) = (released_by IS NULL));

CREATE UNIQUE INDEX htm_tasks_replays ON htm_tasks (replay_of) WHERE replay_of IS NOT NULL;

CREATE INDEX htm_tasks_dead ON htm_tasks (tenant_id, id) WHERE status = 'dead_letter';

CREATE TABLE htm_queues (
    kernel    text PRIMARY KEY,
    paused_at timestamptz NOT NULL,
    paused_by text NOT NULL
);
"""


def upgrade() -> None:
    """Let people steer."""
    for statement in statements(SQL):
        op.execute(statement)
