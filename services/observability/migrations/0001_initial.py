"""Stress runs and their samples, beats, alerts, remediations."""

from alembic import op

from grace.kit.migrations import kit_tables, statements

revision = "0001"
down_revision = None

SQL = """
CREATE TABLE stress_runs (
    tenant_id     text NOT NULL DEFAULT 'default',
    run_id        text COLLATE "C" NOT NULL,
    suite         text NOT NULL,
    target        text NOT NULL,
    status        text NOT NULL CHECK (status IN ('running', 'passed', 'failed', 'lost')),
    started_at    timestamptz NOT NULL,
    heard_at      timestamptz NOT NULL DEFAULT now(),
    ended_at      timestamptz,
    requests      bigint NOT NULL DEFAULT 0,
    errors        bigint NOT NULL DEFAULT 0,
    p50_ms        double precision,
    p99_ms        double precision,
    mean_ms       double precision,
    last_sequence bigint NOT NULL DEFAULT -1,
    failure_kind  text,
    message       text,
    PRIMARY KEY (tenant_id, run_id),
    CHECK (errors BETWEEN 0 AND requests),
    CHECK ((ended_at IS NULL) = (status = 'running'))
);

CREATE INDEX stress_runs_finished ON stress_runs (tenant_id, suite, ended_at DESC, run_id DESC) WHERE status <> 'running';

CREATE INDEX stress_runs_recent ON stress_runs (heard_at) WHERE status <> 'running';

CREATE INDEX stress_runs_running ON stress_runs (heard_at) WHERE status = 'running';

CREATE TABLE stress_samples (
    tenant_id text NOT NULL DEFAULT 'default',
    run_id    text COLLATE "C" NOT NULL,
    sequence  bigint NOT NULL,
    at        timestamptz NOT NULL,
    requests  bigint NOT NULL,
    errors    bigint NOT NULL,
    p50_ms    double precision,
    p99_ms    double precision,
    mean_ms   double precision,
    stored_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, run_id, sequence),
    FOREIGN KEY (tenant_id, run_id) REFERENCES stress_runs ON DELETE CASCADE
);

CREATE INDEX stress_samples_stored ON stress_samples (stored_at);

CREATE TABLE service_beats (
    service       text NOT NULL,
    instance      text COLLATE "C" NOT NULL,
    version       text NOT NULL,
    ready         boolean NOT NULL,
    problems      text[] NOT NULL,
    quarantined   bigint NOT NULL,
    outbox_lag_ms bigint NOT NULL,
    beat_interval interval NOT NULL,
    heard_at      timestamptz NOT NULL,
    PRIMARY KEY (service, instance)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01);

CREATE TABLE quarantine_marks (
    service   text PRIMARY KEY,
    mark      bigint NOT NULL,
    marked_at timestamptz NOT NULL,
    grown     bigint NOT NULL
) WITH (fillfactor = 70);

CREATE TABLE alerts (
    alert_id    text COLLATE "C" PRIMARY KEY,
    tenant_id   text NOT NULL DEFAULT 'default',
    kind        text NOT NULL,
    subject     text NOT NULL,
    severity    text NOT NULL CHECK (severity IN ('warning', 'critical')),
    status      text NOT NULL CHECK (status IN ('open', 'resolved')),
    message     text NOT NULL,
    value       double precision NOT NULL,
    threshold   double precision NOT NULL,
    raised_at   timestamptz NOT NULL DEFAULT now(),
    seen_at     timestamptz NOT NULL DEFAULT now(),
    resolved_at timestamptz,
    CHECK ((resolved_at IS NOT NULL) = (status = 'resolved'))
);

CREATE UNIQUE INDEX alerts_open ON alerts (tenant_id, kind, subject) WHERE status = 'open';

CREATE INDEX alerts_of_tenant ON alerts (tenant_id, alert_id DESC);

CREATE TABLE remediations (
    remediation_id text COLLATE "C" PRIMARY KEY,
    tenant_id      text NOT NULL DEFAULT 'default',
    run_id         text COLLATE "C" NOT NULL,
    suite          text NOT NULL,
    kind           text NOT NULL,
    target         text NOT NULL,
    status         text NOT NULL CHECK (status IN ('due', 'skipped', 'open', 'verified', 'failed')),
    due_at         timestamptz NOT NULL DEFAULT now(),
    failed_at      timestamptz NOT NULL,
    asked_at       timestamptz NOT NULL DEFAULT now(),
    submitted_at   timestamptz,
    closed_at      timestamptz,
    mission_id     text,
    outcome        text,
    reason         text,
    UNIQUE (tenant_id, run_id),
    CHECK ((closed_at IS NOT NULL) = (status IN ('skipped', 'verified', 'failed'))),
    CHECK ((status = 'verified') = (outcome IS NOT DISTINCT FROM 'verified'))
);

CREATE INDEX remediations_unsettled ON remediations (status, asked_at) WHERE status IN ('due', 'open');

CREATE INDEX remediations_missions ON remediations (mission_id) WHERE status = 'open';

CREATE INDEX remediations_of_tenant ON remediations (tenant_id, remediation_id DESC);
"""


def upgrade() -> None:
    """Create the tables of the kit and of this service."""
    for statement in (*kit_tables(), *statements(SQL)):
        op.execute(statement)
