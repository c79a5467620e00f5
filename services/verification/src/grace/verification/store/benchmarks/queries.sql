-- insert_benchmarks --
-- What was measured for contracts.
INSERT INTO benchmarks (benchmark_id, tenant_id, kind, contract_id, target, operation, params, timeout_ms, status,
    measured, fields, numbers, measured_at, reason)
SELECT b.benchmark_id, b.tenant_id, b.kind, b.contract_id, b.target, b.operation, b.params, b.timeout_ms,
       CASE WHEN b.measured IS NULL THEN 'failed' ELSE 'stored' END, CAST(b.measured AS json),
       ARRAY (SELECT json_array_elements_text(CAST(b.fields AS json))),
       ARRAY (SELECT CAST(json_array_elements_text(CAST(b.numbers AS json)) AS double precision)),
       CASE WHEN b.measured IS NOT NULL THEN now() END, b.reason
  FROM unnest(CAST(:benchmark_ids AS text[]), CAST(:tenant_ids AS text[]), CAST(:kinds AS text[]),
              CAST(:contract_ids AS text[]), CAST(:targets AS text[]), CAST(:operations AS text[]),
              CAST(:params AS text[]), CAST(:timeouts AS integer[]), CAST(:measured AS text[]),
              CAST(:fields AS text[]), CAST(:numbers AS text[]), CAST(:reasons AS text[]))
    AS b (benchmark_id, tenant_id, kind, contract_id, target, operation, params, timeout_ms, measured, fields,
          numbers, reason);

-- insert_baseline --
-- A baseline that is to be measured.
INSERT INTO benchmarks (benchmark_id, tenant_id, kind, target, operation, params, timeout_ms, status, requested_by,
    task_spec, next_at)
VALUES (:benchmark_id, :tenant_id, 'baseline', :target, :operation, :params, :timeout_ms, 'measuring',
    :requested_by, :task_spec, now());

-- claim_baselines --
-- Take the baselines that are due, and keep other replicas off them for a while.
WITH due AS (
    SELECT benchmark_id FROM benchmarks
     WHERE next_at <= now() ORDER BY next_at LIMIT :most FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE benchmarks b SET next_at = now() + CAST(:claim_for AS interval)
  FROM due WHERE b.benchmark_id = due.benchmark_id
RETURNING b.benchmark_id, b.tenant_id, b.target, b.operation, b.params, b.timeout_ms, b.definition, b.task_spec,
          b.task_id, b.version, b.started_at, now() AS seen_at;

-- place_baseline --
-- What the target of a baseline stands for is known. No row: it has moved on.
UPDATE benchmarks SET definition = :definition, task_spec = :task_spec, next_at = now(), version = version + 1
 WHERE benchmark_id = :benchmark_id AND version = :version AND status = (SELECT 'measuring')
RETURNING benchmark_id;

-- submit_baseline --
-- htm has accepted the measurement. No row: it has moved on.
UPDATE benchmarks SET task_id = :task_id, next_at = now() + CAST(:pause AS interval), version = version + 1
 WHERE benchmark_id = :benchmark_id AND version = :version
RETURNING benchmark_id;

-- rest_baseline --
-- Nothing to do yet. No row: something has happened meanwhile.
UPDATE benchmarks SET next_at = now() + CAST(:pause AS interval)
 WHERE benchmark_id = :benchmark_id AND version = :version
RETURNING benchmark_id;

-- store_baseline --
-- A baseline is measured. No row: it has moved on.
UPDATE benchmarks
   SET status = 'stored', measured = CAST(:measured AS json), fields = CAST(:fields AS text[]),
       numbers = CAST(:numbers AS double precision[]), measured_at = :measured_at, next_at = NULL,
       version = version + 1
 WHERE benchmark_id = :benchmark_id AND version = :version AND status = (SELECT 'measuring')
RETURNING benchmark_id;

-- fail_baseline --
-- A baseline cannot be measured. No row: it has moved on.
UPDATE benchmarks SET status = 'failed', reason = :reason, next_at = NULL, version = version + 1
 WHERE benchmark_id = :benchmark_id AND version = :version AND status = (SELECT 'measuring')
RETURNING benchmark_id;

-- nudge_baselines --
-- Something happened to these baselines' tasks: look at once.
UPDATE benchmarks SET next_at = now(), version = version + 1
 WHERE benchmark_id IN (SELECT benchmark_id FROM benchmarks
                         WHERE task_id = ANY (CAST(:task_ids AS text[])) AND status = 'measuring'
                         ORDER BY benchmark_id FOR NO KEY UPDATE)
RETURNING benchmark_id;

-- newest_baselines --
-- The moment of drafting, and the newest baseline of each very measurement from before its incident, of the place that
-- is planned for; where either is not known, as in plans and baselines of older versions, the name has to do.
SELECT w.place, now() AS drafted_at, b.benchmark_id, b.fields, b.numbers, b.measured_at
  FROM unnest(CAST(:tenant_ids AS text[]), CAST(:targets AS text[]), CAST(:operations AS text[]),
              CAST(:params AS text[]), CAST(:before AS timestamptz[]), CAST(:definitions AS text[]))
       WITH ORDINALITY AS w (tenant_id, target, operation, params, before, definition, place)
  LEFT JOIN LATERAL (
       SELECT n.benchmark_id, n.fields, n.numbers, n.measured_at FROM benchmarks n
        WHERE n.tenant_id = w.tenant_id AND n.target = w.target AND n.operation = w.operation
          AND n.params = w.params AND n.kind = 'baseline' AND n.status = 'stored' AND n.measured_at < w.before
          AND (n.definition = w.definition) IS NOT FALSE
        ORDER BY n.measured_at DESC LIMIT 1) b ON true
 ORDER BY w.place;
