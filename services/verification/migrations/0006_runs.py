"""Runs of the benchmark suites against the golden baselines."""

from alembic import op

from grace.kit.migrations import statements

revision = "0006"
down_revision = "0005"

SQL = """
CREATE TABLE benchmark_runs (
    run_id       text COLLATE "C" PRIMARY KEY,
    tenant_id    text NOT NULL DEFAULT 'default',
    suite        text NOT NULL CHECK (suite IN ('smoke', 'regression')),
    tolerance    double precision NOT NULL CHECK (tolerance >= 0 AND tolerance <= 10),
    status       text NOT NULL DEFAULT 'measuring' CHECK (status IN (
        'measuring', 'passed', 'failed', 'inconclusive')),
    version      integer NOT NULL DEFAULT 1,
    requested_by text NOT NULL,
    baseline_ids text[] NOT NULL CHECK (cardinality(baseline_ids) > 0),
    checks       json,
    next_at      timestamptz,
    started_at   timestamptz NOT NULL DEFAULT now(),
    ended_at     timestamptz,
    CHECK ((status = 'measuring') = (next_at IS NOT NULL)),
    CHECK ((status = 'measuring') = (checks IS NULL)),
    CHECK ((status = 'measuring') = (ended_at IS NULL))
);

CREATE INDEX benchmark_runs_due ON benchmark_runs (next_at) WHERE next_at IS NOT NULL;

CREATE TRIGGER benchmark_runs_end_once BEFORE UPDATE OF status ON benchmark_runs
    FOR EACH ROW WHEN (OLD.ended_at IS NOT NULL AND NEW.status <> OLD.status)
    EXECUTE FUNCTION refuse_change_of_end();

ALTER TABLE takes
    ALTER COLUMN contract_id DROP NOT NULL,
    ADD COLUMN run_id text COLLATE "C" REFERENCES benchmark_runs,
    ADD CONSTRAINT takes_of_one CHECK ((contract_id IS NULL) <> (run_id IS NULL)),
    ADD UNIQUE (run_id, measure, number);

REVOKE DELETE, TRUNCATE ON benchmark_runs FROM verification;
"""


def upgrade() -> None:
    """Keep runs."""
    for statement in statements(SQL):
        op.execute(statement)
