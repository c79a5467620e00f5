"""Tasks that wait for others: dependencies, parents and children."""

from alembic import op

from grace.kit.migrations import statements

revision = "0010"
down_revision = "0005"

# No foreign keys from what is noted about ends: rows of tasks may be taken away with their partition.
# By its name parents_join comes after only_through_doors, which must have let the end pass, and before
# settle_sla, which looks for an end.
SQL = """
ALTER TABLE htm_tasks
    ADD COLUMN parent_id uuid,
    ADD COLUMN is_parent boolean NOT NULL DEFAULT false,
    ADD COLUMN is_followed boolean NOT NULL DEFAULT false,
    ADD COLUMN ends_as text CHECK (ends_as IN (
        'succeeded', 'failed', 'cancelled', 'expired', 'dead_letter')),
    ADD COLUMN cancel_reason text,
    DROP CONSTRAINT htm_tasks_status_check,
    ADD CONSTRAINT htm_tasks_status_check CHECK (status IN (
        'waiting', 'scheduled', 'queued', 'assigned', 'running', 'retrying', 'needs_attention',
        'joining', 'succeeded', 'failed', 'cancelled', 'expired', 'dead_letter')),
    ADD CONSTRAINT joining_has_end CHECK (status <> 'joining' OR ends_as IS NOT NULL);

CREATE TABLE htm_dependencies (
    task_id    uuid NOT NULL,
    depends_on uuid NOT NULL CHECK (depends_on <> task_id),
    PRIMARY KEY (task_id, depends_on)
);

CREATE INDEX htm_dependencies_of ON htm_dependencies (depends_on, task_id);

CREATE TABLE htm_ends (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task_id uuid NOT NULL
);

CREATE INDEX htm_tasks_children ON htm_tasks (parent_id, status, id) WHERE parent_id IS NOT NULL;

DROP INDEX htm_tasks_few;

CREATE INDEX htm_tasks_few ON htm_tasks (tenant_id, status, id)
    WHERE status IN (
        'waiting', 'scheduled', 'retrying', 'needs_attention', 'joining', 'failed', 'cancelled',
        'expired', 'dead_letter');

DROP INDEX htm_tasks_expiring;

CREATE INDEX htm_tasks_expiring ON htm_tasks (expires_at)
    WHERE status IN ('waiting', 'queued', 'retrying');

CREATE FUNCTION wait_for_children() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.ends_as := NEW.status;
    NEW.status := 'joining';
    NEW.finished_at := NULL;
    RETURN NEW;
END
$$;

CREATE TRIGGER parents_join
    BEFORE UPDATE ON htm_tasks FOR EACH ROW
    WHEN (NEW.is_parent AND NEW.finished_at IS NOT NULL AND OLD.status <> 'joining')
    EXECUTE FUNCTION wait_for_children();

CREATE FUNCTION note_end() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO htm_ends (task_id) VALUES (NEW.id);
    RETURN NULL;
END
$$;

CREATE TRIGGER note_end
    AFTER UPDATE ON htm_tasks FOR EACH ROW
    WHEN ((NEW.is_parent OR NEW.is_followed) AND (
        OLD.status <> NEW.status AND (NEW.finished_at IS NOT NULL OR NEW.status = 'joining')
        OR OLD.cancel_requested_at IS NULL AND NEW.cancel_requested_at IS NOT NULL))
    EXECUTE FUNCTION note_end();

DROP TRIGGER only_through_doors ON htm_tasks;

CREATE TRIGGER only_through_doors
    BEFORE UPDATE ON htm_tasks FOR EACH ROW
    WHEN (OLD.status <> NEW.status AND NOT CASE OLD.status
        WHEN 'waiting' THEN NEW.status IN ('queued', 'scheduled', 'expired', 'cancelled', 'joining')
        WHEN 'scheduled' THEN NEW.status IN ('queued', 'cancelled', 'joining')
        WHEN 'queued' THEN NEW.status IN ('assigned', 'expired', 'cancelled', 'joining')
        WHEN 'assigned' THEN NEW.status IN ('running', 'succeeded', 'failed', 'retrying',
            'dead_letter', 'cancelled', 'needs_attention', 'joining')
        WHEN 'running' THEN NEW.status IN ('succeeded', 'failed', 'retrying', 'dead_letter',
            'cancelled', 'needs_attention', 'joining')
        WHEN 'retrying' THEN NEW.status IN ('queued', 'expired', 'cancelled', 'joining')
        WHEN 'needs_attention' THEN NEW.status IN ('queued', 'cancelled', 'joining')
        WHEN 'joining' THEN NEW.status IN ('succeeded', 'failed', 'cancelled', 'expired',
            'dead_letter')
        ELSE false END)
    EXECUTE FUNCTION refuse_move();
"""


def upgrade() -> None:
    """Let tasks wait for one another."""
    for statement in statements(SQL):
        op.execute(statement)
