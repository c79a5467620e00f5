-- goldens --
-- The newest stored baseline of each measurement of a tenant, of one target where it is named.
SELECT DISTINCT ON (target, operation, params)
       benchmark_id, target, operation, params, timeout_ms, definition
  FROM benchmarks
 WHERE tenant_id = :tenant_id AND kind = 'baseline' AND status = 'stored'
   AND (CAST(:target AS text) IS NULL OR target = CAST(:target AS text))
 ORDER BY target, operation, params, measured_at DESC
 LIMIT :most;

-- insert_run --
-- A run of a suite that is to be measured.
INSERT INTO benchmark_runs (run_id, tenant_id, suite, tolerance, requested_by, baseline_ids, next_at)
VALUES (:run_id, :tenant_id, :suite, :tolerance, :requested_by, :baseline_ids, now())
RETURNING started_at;

-- insert_run_takes --
-- The takes of a run, due one after the other of the same measurement: each has its own time to be taken in.
INSERT INTO takes (take_id, run_id, look, measure, number, tenant_id, operation, target, params, timeout_ms,
    by_source, task_spec, due_at, next_at, deadline)
SELECT t.take_id, :run_id, 0, t.measure, t.number, :tenant_id, t.operation, t.target, t.params, t.timeout_ms,
       t.task_spec IS NULL, t.task_spec, later.due_at, later.due_at, later.due_at + CAST(:measure_within AS interval)
  FROM unnest(CAST(:take_ids AS text[]), CAST(:measures AS text[]), CAST(:numbers AS integer[]),
              CAST(:operations AS text[]), CAST(:targets AS text[]), CAST(:params AS text[]),
              CAST(:timeouts AS integer[]), CAST(:task_specs AS bytea[]))
       AS t (take_id, measure, number, operation, target, params, timeout_ms, task_spec)
 CROSS JOIN LATERAL (SELECT now() + (t.number - 1) * least(t.timeout_ms * interval '1 millisecond',
                                                           CAST(:apart AS interval)) AS due_at) AS later
ON CONFLICT (take_id) DO NOTHING;

-- claim_runs --
-- Take the runs that are due, and keep other replicas off them for a while.
WITH due AS (
    SELECT run_id FROM benchmark_runs
     WHERE next_at <= now() ORDER BY next_at LIMIT :most FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE benchmark_runs r SET next_at = now() + CAST(:claim_for AS interval)
  FROM due WHERE r.run_id = due.run_id
RETURNING r.run_id, r.suite, r.tolerance, r.baseline_ids, r.version;

-- run_goldens --
-- What a run holds against.
SELECT benchmark_id, target, operation, params, timeout_ms, measured
  FROM benchmarks WHERE benchmark_id = ANY (CAST(:baseline_ids AS text[])) ORDER BY target, operation, benchmark_id;

-- run_takes --
-- The takes of a run.
SELECT measure, number, status, measured, reason FROM takes WHERE run_id = :run_id ORDER BY measure, number;

-- rest_run --
-- Its takes are not all in. No row: it has moved on.
UPDATE benchmark_runs SET next_at = now() + CAST(:pause AS interval)
 WHERE run_id = :run_id AND version = :version AND status = 'measuring'
RETURNING run_id;

-- end_run --
-- A run is judged. No row: it has moved on.
UPDATE benchmark_runs
   SET status = :status, checks = CAST(:checks AS json), ended_at = now(), next_at = NULL, version = version + 1
 WHERE run_id = :run_id AND version = :version AND status = 'measuring'
RETURNING run_id;

-- run --
-- One run of a tenant.
SELECT run_id, suite, status, tolerance, cardinality(baseline_ids) AS baselines, checks, started_at, ended_at
  FROM benchmark_runs WHERE tenant_id = :tenant_id AND run_id = :run_id;
