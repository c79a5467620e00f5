-- Every statement of htm.
-- Times are statement_timestamp(), not now(): a claim waits for its lock inside the transaction.
-- greatest() keeps times in order where the clock was set back.
-- A guarded change of a batch is given its rows in the order of their ids and so locks them in that
-- order: batches cannot deadlock. A transaction waits for tasks in one statement (README). Each is looked up
-- by its id, since sessions scan no table that has an index: planned as another join, it read the whole
-- table for every batch. Where the id is known, (SELECT 'queued') hides the state from the planner: an index of
-- few looks empty after a quiet minute, and was read whole for every task (tests/e2e/test_plans.py).

-- insert_tasks --
-- Take in what is new by its client key; returns the ids that were taken, a known key yields none.
WITH new AS (
    SELECT *
      FROM unnest(
               CAST(:task_ids AS uuid[]), CAST(:keys AS text[]), CAST(:body_hashes AS bytea[]),
               CAST(:tenants AS text[]), CAST(:types AS text[]), CAST(:kernels AS text[]),
               CAST(:origins AS text[]), CAST(:priorities AS integer[]),
               CAST(:max_attempts AS integer[]), CAST(:slas AS interval[]),
               CAST(:contract_ids AS text[]), CAST(:mission_ids AS text[]),
               CAST(:specs AS json[]), CAST(:spec_sizes AS integer[]),
               CAST(:data_sizes AS integer[]), CAST(:expires AS boolean[]), CAST(:lanes AS text[]),
               CAST(:run_ats AS timestamptz[]), CAST(:waits AS boolean[]),
               CAST(:deadlines AS timestamptz[])
           ) WITH ORDINALITY
           AS n (task_id, key, body_hash, tenant_id, type, kernel, origin, priority, max_attempts,
                 sla, contract_id, mission_id, spec, spec_size, data_size, expires, lane, run_at,
                 waits, deadline, place)
), fresh AS (
    INSERT INTO htm_task_keys (tenant_id, key, task_id, body_hash)
    SELECT tenant_id, key, task_id, body_hash FROM new ORDER BY tenant_id, key, place
    ON CONFLICT (tenant_id, key) DO NOTHING
    RETURNING task_id
)
INSERT INTO htm_tasks (
    id, tenant_id, type, kernel, origin, status, not_before, run_at, priority, order_key, max_attempts, contract_id, mission_id,
    spec, spec_size_bytes, data_size_bytes, created_at, queued_at, updated_at, sla_deadline_at,
    expires_at, deadline_at, lane
)
SELECT task_id, tenant_id, type, kernel, origin,
       CASE WHEN waits THEN 'waiting'
            WHEN run_at > statement_timestamp() THEN 'scheduled' ELSE 'queued' END,
       CASE WHEN NOT waits AND run_at > statement_timestamp() THEN run_at END,
       run_at, priority,
       statement_timestamp() - priority * CAST(:aging_step AS interval),
       max_attempts, contract_id, mission_id, spec, spec_size, data_size,
       statement_timestamp(), statement_timestamp(), statement_timestamp(),
       greatest(statement_timestamp(), run_at) + sla,
       least(CASE WHEN expires THEN greatest(statement_timestamp(), run_at) + sla END, deadline),
       deadline,
       lane
  FROM new JOIN fresh USING (task_id)
RETURNING id;

-- find_keys --
-- What client keys stand for.
SELECT k.tenant_id, k.key, k.task_id, k.body_hash
  FROM htm_task_keys k
  JOIN unnest(CAST(:tenants AS text[]), CAST(:keys AS text[])) AS w (tenant_id, key)
    USING (tenant_id, key);

-- assign_tasks --
-- Hand tasks to workers: the attempt is counted, the lease starts now. No row: somebody moved the task, or
-- has it in hand. Nobody waits for it here: the claim has the turn, and what was reported with it is locked.
-- With it goes what is left of the buckets that the claim has locked: one statement less for each claim.
-- (SELECT ..) hides how many there are from the planner: it would plan each claim and each report anew.
WITH spent AS (
    UPDATE htm_limits l
       SET tokens = s.tokens, refilled_at = s.refilled_at
      FROM unnest(
               (SELECT CAST(:tenants AS text[])), CAST(:keys AS text[]),
               CAST(:tokens AS double precision[]), CAST(:instants AS timestamptz[])
           ) AS s (tenant_id, key, tokens, refilled_at)
     WHERE l.tenant_id = s.tenant_id AND l.key = s.key
), free AS (
    SELECT c.*
      FROM unnest(
               (SELECT CAST(:task_ids AS uuid[])), CAST(:components AS text[]),
               CAST(:workers AS text[]), CAST(:key_ids AS text[])
           ) AS c (task_id, component, worker_id, key_id)
     CROSS JOIN LATERAL (
           SELECT FROM htm_tasks t
            WHERE t.id = c.task_id AND t.status = (SELECT 'queued')
              FOR NO KEY UPDATE SKIP LOCKED
           ) AS locked
)
UPDATE htm_tasks t
   SET status = 'assigned',
       attempt_number = t.attempt_number + 1,
       worker_component = c.component, worker_id = c.worker_id, worker_key_id = c.key_id,
       lease_until = statement_timestamp() + CAST(:lease AS interval),
       assigned_at = greatest(statement_timestamp(), t.queued_at),
       started_at = NULL,
       updated_at = statement_timestamp()
  FROM free c
 WHERE t.id = c.task_id AND t.status = (SELECT 'queued')
RETURNING t.id, t.attempt_number, t.spec;

-- attempted_tasks --
-- Tasks with their newest attempt, locked: what reports are judged by stays true until the commit.
SELECT t.id, t.type, t.status, t.worker_component, t.worker_id, t.attempt_number, t.max_attempts,
       t.failures, t.lapses, coalesce(a.outcome, 'running') AS ending,
       t.cancel_requested_at IS NOT NULL AS cancelling
  FROM htm_tasks t
  LEFT JOIN htm_task_attempts a ON a.task_id = t.id AND a.attempt_number = t.attempt_number
 WHERE t.id = ANY (CAST(:task_ids AS uuid[]))
 ORDER BY t.id
   FOR NO KEY UPDATE OF t;

-- refused_tasks --
-- The same, not locked: the guard of close_attempts has refused these reports, and no later state admits them.
SELECT t.id, t.type, t.status, t.worker_component, t.worker_id, t.attempt_number, t.max_attempts,
       t.failures, t.lapses, coalesce(a.outcome, 'running') AS ending,
       t.cancel_requested_at IS NOT NULL AS cancelling
  FROM htm_tasks t
  LEFT JOIN htm_task_attempts a ON a.task_id = t.id AND a.attempt_number = t.attempt_number
 WHERE t.id = ANY (CAST(:task_ids AS uuid[]));

-- lapsed_tasks --
-- Tasks whose lease ran out, locked; those that somebody works on are left to the next tick.
SELECT t.id, t.type, t.status, t.worker_component, t.worker_id, t.attempt_number, t.max_attempts,
       t.failures, t.lapses, 'running' AS ending,
       t.cancel_requested_at IS NOT NULL AS cancelling
  FROM htm_tasks t
 WHERE t.status IN ('assigned', 'running') AND t.lease_until < statement_timestamp()
 ORDER BY t.id
 LIMIT :most
   FOR NO KEY UPDATE SKIP LOCKED;

-- start_attempts --
-- Note that attempts run. No row: the attempt is over, or the task has moved on.
UPDATE htm_tasks t
   SET status = 'running',
       started_at = greatest(statement_timestamp(), t.assigned_at),
       updated_at = statement_timestamp()
  FROM unnest((SELECT CAST(:task_ids AS uuid[])), CAST(:attempt_numbers AS integer[]))
       AS f (task_id, attempt_number)
 WHERE t.id = f.task_id AND t.attempt_number = f.attempt_number
   AND t.status = (SELECT 'assigned');

-- close_attempts --
-- End attempts, keep them, and move their tasks. No row: the attempt was over already, the task has
-- moved on, or the owner that was named never held it.
WITH closed AS (
    UPDATE htm_tasks t
       SET status = c.state,
           lease_until = NULL,
           not_before = statement_timestamp() + c.delay,
           failures = t.failures + CAST(c.ending IN ('failed', 'timeout') AS integer),
           lapses = t.lapses + CAST(c.ending = 'lapsed' AS integer),
           error_class = c.error_class, error_message = c.error_message,
           result_json = c.result_json,
           -- An attempt that never said when it started is counted from its claim.
           started_at = coalesce(t.started_at, t.assigned_at),
           finished_at = CASE WHEN c.state NOT IN ('retrying', 'needs_attention') THEN
               greatest(statement_timestamp(), t.started_at, t.assigned_at) END,
           updated_at = statement_timestamp()
      FROM unnest(
               (SELECT CAST(:task_ids AS uuid[])), CAST(:attempt_numbers AS bigint[]),
               CAST(:components AS text[]), CAST(:workers AS text[]),
               CAST(:endings AS text[]), CAST(:states AS text[]),
               CAST(:delays AS interval[]), CAST(:error_classes AS text[]),
               CAST(:error_messages AS text[]), CAST(:results AS text[])
           ) AS c (task_id, attempt_number, component, worker_id, ending, state, delay, error_class,
                   error_message, result_json)
     WHERE t.id = c.task_id AND t.attempt_number = c.attempt_number
       AND t.status = ANY (CAST((SELECT ARRAY['assigned', 'running']) AS text[]))
       AND t.worker_component = coalesce(c.component, t.worker_component)
       AND t.worker_id = coalesce(c.worker_id, t.worker_id)
    RETURNING t.id, t.attempt_number, t.tenant_id, t.type, t.origin, t.status, t.contract_id,
              t.mission_id, greatest(t.created_at, t.run_at) AS created_at, t.queued_at,
              t.assigned_at, t.started_at, t.finished_at, t.is_parent OR t.is_followed AS followed,
              t.worker_component, t.worker_id, t.worker_key_id,
              c.ending, c.error_class, c.error_message
), kept AS (
    INSERT INTO htm_task_attempts (
        task_id, attempt_number, worker_component, worker_id, worker_key_id, outcome, assigned_at,
        started_at, finished_at, error_class, error_message
    )
    SELECT id, attempt_number, worker_component, worker_id, worker_key_id, ending, assigned_at,
           started_at, greatest(statement_timestamp(), started_at), error_class, error_message
      FROM closed
)
SELECT id, attempt_number, tenant_id, type, origin, status, contract_id, mission_id,
       created_at, queued_at, assigned_at, started_at, finished_at, followed
  FROM closed;

-- extend_leases --
-- A worker's beat: its attempts are its own for another lease. Returns those that no longer are, and those that
-- somebody wants cancelled.
WITH beaten AS (
    SELECT *
      FROM unnest(CAST(:task_ids AS uuid[]), CAST(:attempt_numbers AS bigint[]))
           AS u (task_id, attempt_number)
     ORDER BY task_id
), held AS (
    SELECT b.task_id, b.attempt_number, locked.is_cancelling
      FROM beaten b
     CROSS JOIN LATERAL (
           SELECT t.cancel_requested_at IS NOT NULL AS is_cancelling
             FROM htm_tasks t
            WHERE t.id = b.task_id AND t.attempt_number = b.attempt_number
              AND t.status IN ('assigned', 'running')
              AND t.worker_component = :component AND t.worker_id = :worker_id
              FOR NO KEY UPDATE
           ) AS locked
), extended AS (
    UPDATE htm_tasks t
       SET lease_until = statement_timestamp() + CAST(:lease AS interval)
      FROM held h
     WHERE t.id = h.task_id
       AND t.id = ANY (ARRAY(SELECT task_id FROM held))
)
SELECT b.task_id, b.attempt_number, h.task_id IS NULL AS is_lost
  FROM beaten b LEFT JOIN held h USING (task_id, attempt_number)
 WHERE h.task_id IS NULL OR h.is_cancelling;

-- promote_tasks --
-- Put tasks whose wait is over, or whose time has come, into the queue; returns their kernels, one per task.
WITH due AS (
    SELECT id
      FROM htm_tasks
     WHERE status IN ('retrying', 'scheduled') AND not_before <= statement_timestamp()
     ORDER BY not_before
     LIMIT :most
       FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE htm_tasks t
   SET status = 'queued', not_before = NULL,
       queued_at = greatest(statement_timestamp(), t.created_at),
       order_key = statement_timestamp() - t.priority * CAST(:aging_step AS interval),
       assigned_at = NULL, started_at = NULL,
       updated_at = statement_timestamp()
  FROM due
 WHERE t.id = due.id
RETURNING t.kernel;

-- next_due --
-- How long until the next wait is over. No value: nothing waits for its time.
SELECT not_before - statement_timestamp()
  FROM htm_tasks
 WHERE not_before IS NOT NULL
 ORDER BY not_before
 LIMIT 1;

-- expire_tasks --
-- End tasks that nobody began in time.
WITH late AS (
    SELECT id, status
      FROM htm_tasks
     WHERE status IN ('waiting', 'queued', 'retrying') AND expires_at < statement_timestamp()
     ORDER BY expires_at
     LIMIT :most
       FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE htm_tasks t
   SET status = 'expired', not_before = NULL,
       finished_at = greatest(statement_timestamp(), t.queued_at, t.assigned_at, t.started_at),
       updated_at = statement_timestamp()
  FROM late
 WHERE t.id = late.id
RETURNING t.id, t.attempt_number, t.tenant_id, t.type, t.origin, t.status, t.contract_id,
          t.mission_id, greatest(t.created_at, t.run_at) AS created_at,
          CASE WHEN late.status <> 'waiting' THEN t.queued_at END AS queued_at, t.assigned_at,
          t.started_at, t.finished_at, t.is_parent OR t.is_followed AS followed;

-- stop_overdue --
-- Ask for the end of tasks at work whose deadline has passed; the next beat tells their workers.
WITH late AS (
    SELECT id
      FROM htm_tasks
     WHERE deadline_at < statement_timestamp() AND finished_at IS NULL
       AND cancel_requested_at IS NULL AND status IN ('assigned', 'running', 'joining')
     ORDER BY deadline_at
     LIMIT :most
       FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE htm_tasks t
   SET cancel_requested_at = statement_timestamp(), cancel_requested_by = 'htm',
       cancel_reason = 'its deadline passed', updated_at = statement_timestamp()
  FROM late
 WHERE t.id = late.id;

-- find_tasks --
-- Tasks as they stand.
SELECT CAST(id AS text) AS task_id, tenant_id, type, kernel, origin, status, attempt_number,
       data_size_bytes,
       created_at, run_at, queued_at, assigned_at, started_at, finished_at, updated_at,
       sla_deadline_at, deadline_at,
       result_json, result_sha256, result_size_bytes, error_class, error_message,
       cancel_requested_at, cancel_requested_by, cancel_reason, CAST(replay_of AS text) AS replay_of,
       CAST(parent_id AS text) AS parent_id,
       ARRAY(SELECT CAST(d.depends_on AS text) FROM htm_dependencies d
              WHERE d.task_id = htm_tasks.id ORDER BY 1) AS depends_on
  FROM htm_tasks
 WHERE id = ANY (CAST(:task_ids AS uuid[]));

-- find_attempts --
-- The attempts of tasks, in their order. One that runs stands in its task until it ends.
SELECT CAST(a.task_id AS text) AS task_id, a.attempt_number, a.worker_id, a.outcome, a.assigned_at,
       a.started_at, a.finished_at, a.error_message,
       p.percent AS progress_percent, p.message AS progress_message, p.told_at AS progress_at
  FROM (
       SELECT task_id, attempt_number, worker_id, outcome, assigned_at, started_at, finished_at,
              error_message
         FROM htm_task_attempts
        WHERE task_id = ANY (CAST(:task_ids AS uuid[]))
        UNION ALL
       SELECT id, attempt_number, worker_id, 'running', assigned_at, started_at, NULL, NULL
         FROM htm_tasks
        WHERE id = ANY (CAST(:task_ids AS uuid[])) AND status IN ('assigned', 'running')
       ) AS a
  LEFT JOIN htm_progress p ON p.task_id = a.task_id AND p.attempt_number = a.attempt_number
 ORDER BY a.attempt_number;
