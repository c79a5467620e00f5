"""Tasks, their attempts, and the client keys that make a submission safe to repeat."""

from alembic import op

from grace.kit.migrations import kit_tables, statements

revision = "0001"
down_revision = None

SQL = """
CREATE TABLE htm_tasks (
    id               uuid PRIMARY KEY,
    tenant_id        text NOT NULL,
    type             text NOT NULL,
    kernel           text NOT NULL,
    origin           text NOT NULL,
    status           text NOT NULL DEFAULT 'queued' CHECK (status IN (
                         'queued', 'assigned', 'running', 'retrying', 'needs_attention',
                         'succeeded', 'failed', 'cancelled', 'expired', 'dead_letter')),
    priority         integer NOT NULL,
    order_key        timestamptz NOT NULL,
    attempt_number   integer NOT NULL DEFAULT 0 CHECK (attempt_number >= 0),
    max_attempts     integer NOT NULL CHECK (max_attempts >= 1),
    failures         integer NOT NULL DEFAULT 0,
    lapses           integer NOT NULL DEFAULT 0,
    worker_component text,
    worker_id        text,
    worker_key_id    text,
    lease_until      timestamptz,
    not_before       timestamptz,
    expires_at       timestamptz,
    contract_id      text,
    mission_id       text,
    spec             jsonb NOT NULL,
    spec_size_bytes  integer NOT NULL,
    data_size_bytes  integer NOT NULL CHECK (data_size_bytes >= 0),
    result_json      text,
    error_class      text,
    error_message    text,
    created_at       timestamptz NOT NULL,
    queued_at        timestamptz NOT NULL,
    assigned_at      timestamptz,
    started_at       timestamptz,
    finished_at      timestamptz,
    updated_at       timestamptz NOT NULL,
    sla_deadline_at  timestamptz NOT NULL,

    CONSTRAINT times_in_order CHECK (
        created_at <= queued_at AND queued_at <= assigned_at AND assigned_at <= started_at
        AND started_at <= finished_at AND queued_at <= finished_at),
    CONSTRAINT started_after_assigned CHECK (started_at IS NULL OR assigned_at IS NOT NULL),
    CONSTRAINT held_has_lease CHECK (
        (status IN ('assigned', 'running')) = (lease_until IS NOT NULL)),
    CONSTRAINT running_has_start CHECK (status <> 'running' OR started_at IS NOT NULL),
    CONSTRAINT attempt_has_owner CHECK (attempt_number = 0 OR (
        worker_component IS NOT NULL AND worker_id IS NOT NULL AND worker_key_id IS NOT NULL)),
    CONSTRAINT retrying_has_wait CHECK ((status = 'retrying') = (not_before IS NOT NULL)),
    CONSTRAINT final_has_end CHECK (
        (status IN ('succeeded', 'failed', 'cancelled', 'expired', 'dead_letter'))
        = (finished_at IS NOT NULL))
) WITH (fillfactor = 70);

CREATE INDEX htm_tasks_queued ON htm_tasks (kernel, tenant_id, origin, order_key, id)
    WHERE status = 'queued';

CREATE INDEX htm_tasks_retrying ON htm_tasks (not_before) WHERE status = 'retrying';

CREATE INDEX htm_tasks_held ON htm_tasks (id) WHERE status IN ('assigned', 'running');

CREATE INDEX htm_tasks_expiring ON htm_tasks (expires_at) WHERE status IN ('queued', 'retrying');

CREATE TABLE htm_task_attempts (
    task_id          uuid NOT NULL REFERENCES htm_tasks (id),
    attempt_number   integer NOT NULL,
    worker_component text NOT NULL,
    worker_id        text NOT NULL,
    worker_key_id    text NOT NULL,
    outcome          text NOT NULL CHECK (outcome IN (
                         'running', 'succeeded', 'failed', 'timeout', 'lapsed')),
    assigned_at      timestamptz NOT NULL,
    started_at       timestamptz,
    finished_at      timestamptz,
    error_class      text,
    error_message    text,
    PRIMARY KEY (task_id, attempt_number),
    CONSTRAINT times_in_order CHECK (assigned_at <= started_at AND started_at <= finished_at),
    CONSTRAINT closed_has_end CHECK ((outcome = 'running') = (finished_at IS NULL))
) WITH (fillfactor = 70);

CREATE TABLE htm_task_keys (
    tenant_id text NOT NULL,
    key       text NOT NULL,
    task_id   uuid NOT NULL REFERENCES htm_tasks (id),
    body_hash bytea NOT NULL,
    PRIMARY KEY (tenant_id, key)
);

CREATE FUNCTION refuse_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'task % is % and may not become %', OLD.id, OLD.status, NEW.status
        USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TRIGGER final_rows_rest
    BEFORE UPDATE ON htm_tasks FOR EACH ROW
    WHEN (OLD.status IN ('succeeded', 'failed', 'cancelled', 'expired', 'dead_letter'))
    EXECUTE FUNCTION refuse_move();

CREATE TRIGGER only_through_doors
    BEFORE UPDATE ON htm_tasks FOR EACH ROW
    WHEN (OLD.status <> NEW.status AND NOT CASE OLD.status
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
    """Create the schema of htm."""
    for statement in (*kit_tables(), *statements(SQL)):
        op.execute(statement)
