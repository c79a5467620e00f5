-- insert_takes --
-- The takes of a contract's measures, as many as there are; those that exist stay as they are.
INSERT INTO takes (take_id, contract_id, look, measure, number, tenant_id, operation, target, params, timeout_ms,
    by_source, task_spec, due_at, next_at, deadline)
SELECT t.take_id, :contract_id, :look, t.measure, t.number, :tenant_id, t.operation, t.target, t.params, t.timeout_ms,
       t.task_spec IS NULL, t.task_spec, now() + t.due_after, now() + t.due_after,
       now() + t.due_after + CAST(:measure_within AS interval)
  FROM unnest(CAST(:take_ids AS text[]), CAST(:measures AS text[]), CAST(:numbers AS integer[]),
              CAST(:operations AS text[]), CAST(:targets AS text[]), CAST(:params AS text[]),
              CAST(:timeouts AS integer[]), CAST(:task_specs AS bytea[]), CAST(:due_after AS interval[]))
       AS t (take_id, measure, number, operation, target, params, timeout_ms, task_spec, due_after)
ON CONFLICT (take_id) DO NOTHING;

-- claim_takes --
-- Take the takes that are due, and keep other replicas off them for a while; a source's answer may take its time.
-- One that its contract, or its late look, was decided without is not wanted any more.
WITH due AS (
    SELECT take_id, contract_id FROM takes
     WHERE next_at <= now() AND by_source = :by_source
     ORDER BY next_at LIMIT :most FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE takes t
   SET next_at = now() + CAST(:claim_for AS interval)
             + CASE WHEN t.by_source THEN t.timeout_ms * interval '1 millisecond' ELSE interval '0' END
  FROM due LEFT JOIN action_contracts c ON c.contract_id = due.contract_id
 WHERE t.take_id = due.take_id
RETURNING t.take_id, t.contract_id, t.operation, t.target, t.params, t.timeout_ms, t.task_spec, t.task_id, t.version,
          t.deadline, now() AS seen_at,
          t.contract_id IS NULL OR t.look = 0 AND c.status = 'measuring'
          OR EXISTS (SELECT FROM watches w WHERE w.contract_id = t.contract_id AND w.look = t.look
                        AND w.status = 'measuring') AS is_wanted;

-- submit_take --
-- htm has accepted the take. No row: it has moved on.
UPDATE takes SET task_id = :task_id, next_at = now() + CAST(:pause AS interval), version = version + 1
 WHERE take_id = :take_id AND version = :version AND status = (SELECT 'due')
RETURNING take_id;

-- rest_take --
-- Nothing to do yet. No row: something has happened meanwhile.
UPDATE takes SET next_at = now() + CAST(:pause AS interval)
 WHERE take_id = :take_id AND version = :version AND status = (SELECT 'due')
RETURNING take_id;

-- end_take --
-- A take is in, or will never be. No row: it has moved on.
UPDATE takes
   SET status = :status, measured = CAST(:measured AS json), reason = :reason, ended_at = now(), next_at = NULL,
       version = version + 1
 WHERE take_id = :take_id AND version = :version AND status = (SELECT 'due')
RETURNING take_id;

-- nudge_takes --
-- Something happened to these takes' tasks: look at once.
UPDATE takes SET next_at = now(), version = version + 1
 WHERE take_id IN (SELECT take_id FROM takes
                    WHERE task_id = ANY (CAST(:task_ids AS text[])) AND status = 'due'
                    ORDER BY take_id FOR NO KEY UPDATE)
RETURNING take_id;

-- takes --
-- The takes of contracts in one of their rounds.
SELECT contract_id, measure, number, status, measured, reason
  FROM takes
 WHERE contract_id = ANY (CAST(:contract_ids AS text[])) AND look = :look
 ORDER BY contract_id, measure, number;

-- measure_baseline --
-- The newest baseline of this very measurement from before an incident, of the place that is planned for.
SELECT benchmark_id, fields, numbers, measured, measured_at
  FROM benchmarks
 WHERE tenant_id = :tenant_id AND target = :target AND operation = :operation AND params = :params
   AND kind = 'baseline' AND status = 'stored' AND measured_at < :before
   AND (definition = CAST(:definition AS text)) IS NOT FALSE
 ORDER BY measured_at DESC LIMIT 1;

-- contract_of_tenant --
-- The mission of a contract of a tenant.
SELECT mission_id FROM action_contracts WHERE tenant_id = :tenant_id AND contract_id = :contract_id;

-- take_views --
-- Everything that was measured for a contract by its plan and by late looks, and will be.
SELECT measure, number, look, status, due_at, ended_at, measured, reason
  FROM takes WHERE contract_id = :contract_id ORDER BY look, due_at, measure, number LIMIT :most;

-- watch_views --
-- The late looks at a contract.
SELECT look, status, due_at, confidence, reason FROM watches WHERE contract_id = :contract_id ORDER BY look;
