-- What is looked at and never moves a task: pages, reasons, service levels, hourly figures.
-- Every statement costs the same however long the history and the queues are; a roll-up costs what its hour holds.

-- newest_ids --
-- The ids that a page may hold, newest first, read off the client keys: a task has at least one,
-- which stays as it is.
-- Rows are compared as a whole: with equalities a planner that expects many would read the primary key.
SELECT DISTINCT tenant_id, task_id AS id
  FROM htm_task_keys
 WHERE (tenant_id, task_id) >= (:tenant_id, CAST(:oldest AS uuid))
   AND (tenant_id, task_id) < (:tenant_id, CAST(:before AS uuid))
 ORDER BY tenant_id DESC, task_id DESC
 LIMIT CAST(:most AS bigint);

-- ids_of_few --
-- The same for one of the states that few tasks are in.
SELECT id
  FROM htm_tasks
 WHERE status IN ('waiting', 'scheduled', 'retrying', 'needs_attention', 'joining', 'failed', 'cancelled',
                  'expired', 'dead_letter')
   AND (tenant_id, status, id) >= (:tenant_id, :status, CAST(:oldest AS uuid))
   AND (tenant_id, status, id) < (:tenant_id, :status, CAST(:before AS uuid))
 ORDER BY tenant_id DESC, status DESC, id DESC
 LIMIT CAST(:most AS bigint);

-- ids_of_held --
-- The same for what workers hold.
SELECT id
  FROM htm_tasks
 WHERE status IN ('assigned', 'running') AND status = :status AND tenant_id = :tenant_id
   AND id >= CAST(:oldest AS uuid) AND id < CAST(:before AS uuid)
 ORDER BY id DESC
 LIMIT CAST(:most AS bigint);

-- ids_of_mission --
-- The same for the tasks of one mission.
SELECT id
  FROM htm_tasks
 WHERE mission_id IS NOT NULL
   AND (tenant_id, mission_id, id) >= (:tenant_id, :mission_id, CAST(:oldest AS uuid))
   AND (tenant_id, mission_id, id) < (:tenant_id, :mission_id, CAST(:before AS uuid))
 ORDER BY tenant_id DESC, mission_id DESC, id DESC
 LIMIT CAST(:most AS bigint);

-- ids_of_contract --
-- The same for the tasks of one contract.
SELECT id
  FROM htm_tasks
 WHERE contract_id IS NOT NULL
   AND (tenant_id, contract_id, id) >= (:tenant_id, :contract_id, CAST(:oldest AS uuid))
   AND (tenant_id, contract_id, id) < (:tenant_id, :contract_id, CAST(:before AS uuid))
 ORDER BY tenant_id DESC, contract_id DESC, id DESC
 LIMIT CAST(:most AS bigint);

-- ids_of_parent --
-- The same for the children of one task.
SELECT found.id
  FROM unnest(CAST(:statuses AS text[])) AS s (status)
 CROSS JOIN LATERAL (
       SELECT t.id
         FROM htm_tasks t
        WHERE t.parent_id IS NOT NULL AND t.tenant_id = :tenant_id
          AND (t.parent_id, t.status, t.id)
              >= (CAST(:parent_id AS uuid), s.status, CAST(:oldest AS uuid))
          AND (t.parent_id, t.status, t.id)
              < (CAST(:parent_id AS uuid), s.status, CAST(:before AS uuid))
        ORDER BY t.parent_id DESC, t.status DESC, t.id DESC
        LIMIT CAST(:most AS bigint)
       ) AS found
 ORDER BY found.id DESC
 LIMIT CAST(:most AS bigint);

-- list_tasks --
-- Those of the ids that every filter lets through, newest first.
SELECT CAST(id AS text) AS task_id, type, kernel, origin, status, priority, attempt_number,
       max_attempts, data_size_bytes, created_at, run_at, queued_at, assigned_at, started_at, finished_at,
       updated_at, sla_deadline_at, sla_state, mission_id, contract_id, error_class,
       CAST(parent_id AS text) AS parent_id
  FROM htm_tasks
 WHERE id = ANY (CAST(:ids AS uuid[]))
   AND status = ANY (CAST(:statuses AS text[]))
   AND kernel = coalesce(CAST(:kernel AS text), kernel)
   AND origin = coalesce(CAST(:origin AS text), origin)
   AND type = coalesce(CAST(:type AS text), type)
   AND (CAST(:contract_id AS text) IS NULL OR contract_id = CAST(:contract_id AS text))
   AND (CAST(:parent_id AS uuid) IS NULL OR parent_id = CAST(:parent_id AS uuid))
   AND created_at >= coalesce(CAST(:since AS timestamptz), created_at)
   AND (CAST(:until AS timestamptz) IS NULL OR created_at < CAST(:until AS timestamptz))
 ORDER BY id DESC
 LIMIT :most;

-- explain_task --
-- A task with what it waits for. Counts end at `most`; the rate is that of the last ended tasks.
WITH task AS MATERIALIZED (
    SELECT * FROM htm_tasks WHERE id = :task_id AND tenant_id = :tenant_id
), held AS MATERIALIZED (
    SELECT h.id, h.kernel, h.tenant_id, h.lane, h.spec ->> 'target' AS target,
           h.spec ->> 'limit_key' AS limit_key
      FROM htm_tasks h
     WHERE h.status IN ('assigned', 'running')
     ORDER BY h.id
     LIMIT CAST(:most AS bigint)
), ended AS MATERIALIZED (
    SELECT e.kernel, e.tenant_id, e.origin, e.lane, e.attempt_number, e.finished_at
      FROM htm_tasks e
     WHERE e.finished_at > statement_timestamp() - CAST(:rate_window AS interval)
     ORDER BY e.finished_at DESC
     LIMIT CAST(:sample AS bigint)
)
SELECT t.id, t.status, t.type, t.kernel, t.tenant_id, t.origin, t.attempt_number, t.max_attempts,
       t.worker_component, t.worker_id, t.lease_until, t.not_before, t.started_at, t.finished_at,
       t.sla_deadline_at, t.sla_state, t.error_class, t.error_message, statement_timestamp() AS now,
       CAST(t.spec ->> 'timeout_ms' AS bigint) AS timeout_ms,
       t.lane, t.contract_id, t.deadline_at, t.expires_at,
       (SELECT count(*)
          FROM (SELECT FROM htm_tasks a
                 WHERE t.status = 'queued' AND a.status = 'queued' AND a.kernel = t.kernel
                   AND a.tenant_id = t.tenant_id AND a.origin = t.origin
                   AND a.lane = t.lane AND (a.order_key, a.id) < (t.order_key, t.id)
                 LIMIT CAST(:most AS bigint)) AS earlier) AS ahead,
       (SELECT p.paused_by FROM htm_queues p WHERE p.kernel = t.kernel) AS paused_by,
       (SELECT c.capacity FROM htm_capacity c) AS capacity,
       (SELECT count(*) FROM held) AS all_held,
       t.cancel_requested_by, t.cancel_reason, t.ends_as, t.spec ->> 'limit_key' AS limit_key,
       l.concurrency, l.rate_per_second, l.burst, l.tokens, l.refilled_at,
       (SELECT count(*) FROM held
         WHERE held.tenant_id = t.tenant_id AND held.limit_key = l.key) AS limit_held,
       (SELECT count(*) FROM held WHERE held.kernel = t.kernel) AS kernel_held,
       (SELECT count(*) FROM held WHERE held.kernel = t.kernel AND held.lane = t.lane) AS lane_held,
       (SELECT k.asked_at FROM htm_kernels k WHERE k.kernel = t.kernel) AS kernel_asked_at,
       ARRAY(SELECT held.id FROM held
              WHERE held.tenant_id = t.tenant_id AND held.target = t.spec ->> 'target'
                AND held.id <> t.id
              LIMIT 10) AS same_target,
       (SELECT count(*) FROM ended
         WHERE ended.kernel = t.kernel AND ended.tenant_id = t.tenant_id
           AND ended.origin = t.origin AND ended.lane = t.lane
           AND ended.attempt_number > 0) AS recent_ends,
       (SELECT min(finished_at) FROM ended) AS recent_since,
       (SELECT coalesce(max(m.execution_p95), 0) FROM htm_metrics m
         WHERE m.tenant_id = t.tenant_id AND m.type = t.type
           AND m.hour >= statement_timestamp() - CAST(:history AS interval)) AS usual
  FROM task t
  LEFT JOIN htm_limits l ON l.tenant_id = t.tenant_id AND l.key = t.spec ->> 'limit_key';

-- note_asked --
-- Remember that workers asked for tasks of these kernels.
INSERT INTO htm_kernels (kernel, asked_at)
SELECT kernel, statement_timestamp() FROM unnest(CAST(:kernels AS text[])) AS k (kernel)
 ORDER BY kernel
    ON CONFLICT (kernel) DO UPDATE SET asked_at = greatest(htm_kernels.asked_at, excluded.asked_at);

-- known_kernels --
-- Those of the kernels that a worker has asked for at any time.
SELECT kernel FROM htm_kernels WHERE kernel = ANY (CAST(:kernels AS text[]));

-- queued_by_kernel --
-- How many tasks wait for each kernel; the count of one kernel ends at `most`.
WITH RECURSIVE line AS (
    (SELECT kernel FROM htm_tasks WHERE status = 'queued' ORDER BY kernel LIMIT 1)
     UNION ALL
    SELECT (SELECT t.kernel FROM htm_tasks t
             WHERE t.status = 'queued' AND t.kernel > line.kernel
             ORDER BY t.kernel LIMIT 1)
      FROM line
     WHERE line.kernel IS NOT NULL
)
SELECT line.kernel, counted.tasks
  FROM line
 CROSS JOIN LATERAL (
       SELECT count(*) AS tasks
         FROM (SELECT FROM htm_tasks t
                WHERE t.status = 'queued' AND t.kernel = line.kernel
                LIMIT CAST(:most AS bigint)) AS few
       ) AS counted
 WHERE line.kernel IS NOT NULL;

-- sla_candidates --
-- Open tasks whose service level may have changed: those that wait, each tenant and type from the
-- front of its index, and those that workers hold, as many as capacity allows.
WITH RECURSIVE line AS (
    (SELECT tenant_id, type
       FROM htm_tasks
      WHERE status IN ('waiting', 'scheduled', 'queued', 'retrying', 'needs_attention', 'joining')
        AND sla_state <> 'breached'
      ORDER BY tenant_id, type
      LIMIT 1)
     UNION ALL
    SELECT next.tenant_id, next.type
      FROM line
     CROSS JOIN LATERAL (
           SELECT t.tenant_id, t.type
             FROM htm_tasks t
            WHERE t.status IN ('waiting', 'scheduled', 'queued', 'retrying', 'needs_attention', 'joining')
              AND t.sla_state <> 'breached'
              AND (t.tenant_id, t.type) > (line.tenant_id, line.type)
            ORDER BY t.tenant_id, t.type
            LIMIT 1
           ) AS next
), held AS MATERIALIZED (
    SELECT id, tenant_id, type, sla_state, sla_deadline_at
      FROM htm_tasks
     WHERE status IN ('assigned', 'running') AND sla_state <> 'breached'
), usual AS MATERIALIZED (
    SELECT kind.tenant_id, kind.type, coalesce(max(m.execution_p95), 0) AS seconds
      FROM (SELECT tenant_id, type FROM line UNION SELECT tenant_id, type FROM held) AS kind
      LEFT JOIN htm_metrics m
        ON m.tenant_id = kind.tenant_id AND m.type = kind.type
       AND m.hour >= statement_timestamp() - CAST(:history AS interval)
     GROUP BY kind.tenant_id, kind.type
)
SELECT due.id, due.sla_state, due.sla_deadline_at, usual.seconds AS usual,
       statement_timestamp() AS now
  FROM usual
 CROSS JOIN LATERAL (
       (SELECT t.id, t.sla_state, t.sla_deadline_at
          FROM htm_tasks t
         WHERE t.status IN ('waiting', 'scheduled', 'queued', 'retrying', 'needs_attention', 'joining')
           AND t.sla_state = 'ok'
           AND t.tenant_id = usual.tenant_id AND t.type = usual.type
           AND t.sla_deadline_at < statement_timestamp() + usual.seconds * interval '1 s'
         ORDER BY t.sla_deadline_at
         LIMIT CAST(:most AS bigint))
        UNION ALL
       (SELECT t.id, t.sla_state, t.sla_deadline_at
          FROM htm_tasks t
         WHERE t.status IN ('waiting', 'scheduled', 'queued', 'retrying', 'needs_attention', 'joining')
           AND t.sla_state = 'at_risk'
           AND t.tenant_id = usual.tenant_id AND t.type = usual.type
           AND t.sla_deadline_at < statement_timestamp()
         ORDER BY t.sla_deadline_at
         LIMIT CAST(:most AS bigint))
        UNION ALL
       (SELECT h.id, h.sla_state, h.sla_deadline_at
          FROM held h
         WHERE h.tenant_id = usual.tenant_id AND h.type = usual.type
           AND h.sla_deadline_at < statement_timestamp()
               + CASE h.sla_state WHEN 'ok' THEN usual.seconds ELSE 0 END * interval '1 s')
       ) AS due
 LIMIT CAST(:most AS bigint);

-- change_sla --
-- Move open tasks to another service level. No row: the task ended, or somebody has it in hand.
WITH changing AS (
    SELECT c.*
      FROM (
           SELECT *
             FROM unnest(CAST(:task_ids AS uuid[]), CAST(:froms AS text[]), CAST(:tos AS text[]))
                  AS u (task_id, previous, following)
            ORDER BY task_id
           ) AS c
     CROSS JOIN LATERAL (
           SELECT FROM htm_tasks t
            WHERE t.id = c.task_id AND t.sla_state = c.previous AND t.finished_at IS NULL
              FOR NO KEY UPDATE SKIP LOCKED
           ) AS locked
)
UPDATE htm_tasks t
   SET sla_state = c.following
  FROM changing c
 WHERE t.id = c.task_id;

-- take_sla_changes --
-- What changed and was not told yet, oldest first; it is told in this transaction.
WITH taken AS (
    DELETE FROM htm_sla_changes
     WHERE id IN (SELECT id FROM htm_sla_changes ORDER BY id LIMIT :most FOR UPDATE SKIP LOCKED)
    RETURNING id, task_id, previous, sla_state, changed_at
)
SELECT c.task_id, c.previous, c.sla_state, c.changed_at,
       t.tenant_id, t.type, t.origin, t.sla_deadline_at, t.contract_id, t.mission_id
  FROM taken c
  JOIN htm_tasks t ON t.id = c.task_id
 ORDER BY c.id;

-- open_hours --
-- Give every hour since the last known one a row; the first time, since the first task ended.
INSERT INTO htm_metric_hours (hour)
SELECT generate_series(
           coalesce((SELECT max(hour) FROM htm_metric_hours),
                    (SELECT date_trunc('hour', min(finished_at), 'UTC') FROM htm_tasks),
                    date_trunc('hour', statement_timestamp(), 'UTC')),
           date_trunc('hour', statement_timestamp(), 'UTC'), interval '1 hour')
    ON CONFLICT (hour) DO NOTHING;

-- due_hour --
-- The oldest hour to roll up, locked. A slow one rests twenty times as long as it took.
SELECT hour
  FROM htm_metric_hours
 WHERE NOT settled
   AND (rolled_at IS NULL
        OR rolled_at + greatest(20 * took, CAST(:rest AS interval)) <= statement_timestamp())
 ORDER BY hour
 LIMIT 1
   FOR NO KEY UPDATE SKIP LOCKED;

-- clear_hour --
-- Forget what an hour came to when it was last rolled up.
DELETE FROM htm_metrics WHERE hour = :hour;

-- roll_hour --
-- What the tasks that ended in an hour come to, by tenant and type; percentiles are exact.
WITH ended AS (
    SELECT tenant_id, type, status, attempt_number, lapses,
           status <> 'cancelled' AND finished_at > sla_deadline_at AS late,
           -- No parent that joined its children from the queue, and nothing that waited for others or for
           -- its time to the end: only what was queued has a queue time.
           CAST(extract(epoch FROM CASE
               WHEN assigned_at IS NOT NULL THEN assigned_at - queued_at
               WHEN ends_as IS NULL AND (queued_at > created_at
                    OR coalesce(run_at <= created_at, true) AND (
                       SELECT d.task_id FROM htm_dependencies d WHERE d.task_id = t.id LIMIT 1) IS NULL)
               THEN finished_at - queued_at END) AS double precision) AS queue,
           -- Only these end with their attempt, or as parents after it; others waited for another try.
           CAST(extract(epoch FROM CASE WHEN status IN ('succeeded', 'failed', 'dead_letter') THEN
               CASE WHEN is_parent THEN (
                   SELECT a.finished_at FROM htm_task_attempts a
                    WHERE a.task_id = t.id AND a.attempt_number = t.attempt_number)
               ELSE finished_at END - started_at END) AS double precision) AS execution,
           -- None where the end came before the time: it was never due.
           CAST(extract(epoch FROM CASE WHEN coalesce(run_at <= finished_at, true) THEN
               finished_at - greatest(created_at, run_at) END) AS double precision) AS total
      FROM htm_tasks t
     WHERE finished_at >= CAST(:hour AS timestamptz)
       AND finished_at < CAST(:hour AS timestamptz) + interval '1 hour'
), rolled AS (
    SELECT tenant_id, type, count(*) AS tasks,
           count(*) FILTER (WHERE status = 'succeeded') AS succeeded,
           count(*) FILTER (WHERE status = 'failed') AS failed,
           count(*) FILTER (WHERE status = 'dead_letter') AS dead_letter,
           count(*) FILTER (WHERE status = 'expired') AS expired,
           count(*) FILTER (WHERE status = 'cancelled') AS cancelled,
           sum(attempt_number) AS attempts,
           count(*) FILTER (WHERE attempt_number > 1) AS retried,
           count(*) FILTER (WHERE attempt_number > 1 AND status = 'succeeded') AS saved,
           sum(lapses) AS lapses,
           count(*) FILTER (WHERE late) AS breached,
           avg(queue) AS queue_avg, avg(execution) AS execution_avg, avg(total) AS total_avg,
           percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY queue) AS q,
           percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY execution) AS e,
           percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY total) AS t
      FROM ended
     GROUP BY tenant_id, type
)
INSERT INTO htm_metrics
SELECT tenant_id, type, :hour, tasks, succeeded, failed, dead_letter, expired, cancelled, attempts,
       retried, saved, lapses, breached,
       queue_avg, q[1], q[2], q[3], execution_avg, e[1], e[2], e[3], total_avg, t[1], t[2], t[3]
  FROM rolled;

-- note_rolled --
-- An hour is rolled up; it is settled once everything that ended in it must have been committed.
UPDATE htm_metric_hours
   SET rolled_at = now(), took = clock_timestamp() - now(),
       settled = hour + interval '1 hour' + CAST(:settles_after AS interval) <= now()
 WHERE hour = :hour AND NOT settled;

-- read_hours --
-- The figures of a tenant, newest hour first.
SELECT m.*, h.settled
  FROM htm_metrics m
  JOIN htm_metric_hours h USING (hour)
 WHERE m.tenant_id = :tenant_id AND m.hour >= :since AND m.hour < :until
   AND m.type = coalesce(CAST(:type AS text), m.type)
 ORDER BY m.hour DESC, m.type
 LIMIT :most;
