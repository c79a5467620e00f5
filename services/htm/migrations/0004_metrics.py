"""What is looked at: pages of tasks, service levels, hourly figures, and who asks for which kernel."""

from alembic import op

from grace.kit.migrations import statements

revision = "0004"
down_revision = "0003"

SQL = """
ALTER TABLE htm_tasks
    ADD COLUMN sla_state text NOT NULL DEFAULT 'ok'
        CHECK (sla_state IN ('ok', 'at_risk', 'breached'));

CREATE INDEX htm_tasks_listed ON htm_tasks (tenant_id, status, id);

CREATE INDEX htm_tasks_of_mission ON htm_tasks (tenant_id, mission_id, id)
    WHERE mission_id IS NOT NULL;

CREATE INDEX htm_tasks_of_contract ON htm_tasks (tenant_id, contract_id, id)
    WHERE contract_id IS NOT NULL;

CREATE INDEX htm_tasks_finished ON htm_tasks (finished_at) WHERE finished_at IS NOT NULL;

CREATE INDEX htm_tasks_sla ON htm_tasks (tenant_id, type, sla_state, sla_deadline_at)
    WHERE finished_at IS NULL AND sla_state <> 'breached';

CREATE TABLE htm_sla_changes (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task_id    uuid NOT NULL REFERENCES htm_tasks (id) ON DELETE CASCADE,
    previous   text NOT NULL,
    sla_state  text NOT NULL,
    changed_at timestamptz NOT NULL
);

CREATE TABLE htm_metric_hours (
    hour      timestamptz PRIMARY KEY,
    rolled_at timestamptz,
    took      interval NOT NULL DEFAULT '0 s',
    settled   boolean NOT NULL DEFAULT false
);

CREATE INDEX htm_metric_hours_open ON htm_metric_hours (hour) WHERE NOT settled;

CREATE TABLE htm_metrics (
    tenant_id         text NOT NULL,
    type              text NOT NULL,
    hour              timestamptz NOT NULL REFERENCES htm_metric_hours (hour),
    tasks             integer NOT NULL,
    succeeded         integer NOT NULL,
    failed            integer NOT NULL,
    dead_letter       integer NOT NULL,
    expired           integer NOT NULL,
    cancelled         integer NOT NULL,
    attempts          bigint NOT NULL,
    retried           integer NOT NULL,
    retried_succeeded integer NOT NULL,
    lapses            bigint NOT NULL,
    breached          integer NOT NULL,
    queue_avg         double precision,
    queue_p50         double precision,
    queue_p95         double precision,
    queue_p99         double precision,
    execution_avg     double precision,
    execution_p50     double precision,
    execution_p95     double precision,
    execution_p99     double precision,
    total_avg         double precision,
    total_p50         double precision,
    total_p95         double precision,
    total_p99         double precision,
    PRIMARY KEY (tenant_id, type, hour)
);

CREATE INDEX htm_metrics_hours ON htm_metrics (tenant_id, hour, type);

CREATE TABLE htm_kernels (
    kernel   text PRIMARY KEY,
    asked_at timestamptz NOT NULL
);

CREATE FUNCTION settle_sla() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.sla_state := CASE WHEN NEW.finished_at > NEW.sla_deadline_at THEN 'breached' ELSE 'ok' END;
    RETURN NEW;
END
$$;

CREATE TRIGGER settle_sla
    BEFORE UPDATE ON htm_tasks FOR EACH ROW
    WHEN (NEW.finished_at IS NOT NULL AND NEW.sla_state <> CASE
        WHEN NEW.finished_at > NEW.sla_deadline_at THEN 'breached' ELSE 'ok' END)
    EXECUTE FUNCTION settle_sla();

CREATE FUNCTION note_sla() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO htm_sla_changes (task_id, previous, sla_state, changed_at)
    VALUES (NEW.id, OLD.sla_state, NEW.sla_state, statement_timestamp());
    RETURN NULL;
END
$$;

CREATE TRIGGER note_sla
    AFTER UPDATE ON htm_tasks FOR EACH ROW
    WHEN (OLD.sla_state <> NEW.sla_state)
    EXECUTE FUNCTION note_sla();
"""


def upgrade() -> None:
    """Add what is looked at."""
    for statement in statements(SQL):
        op.execute(statement)
