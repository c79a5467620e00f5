-- What people steer: cancelled, released and replayed tasks, dead letters, paused kernels.
-- The rules of the large queries.sql hold here, too.

-- steered_task --
-- A tenant's task as whoever steers it finds it, locked until the commit.
SELECT id, status, contract_id, spec,
       cancel_requested_at IS NOT NULL AS cancel_asked,
       released_at IS NOT NULL AS released
  FROM htm_tasks
 WHERE id = :task_id AND tenant_id = :tenant_id
   FOR NO KEY UPDATE;

-- cancel_task --
-- End a task that no worker holds.
UPDATE htm_tasks t
   SET status = 'cancelled', not_before = NULL,
       cancel_requested_at = statement_timestamp(), cancel_requested_by = :principal,
       finished_at = greatest(statement_timestamp(), t.queued_at, t.assigned_at, t.started_at),
       updated_at = statement_timestamp()
 WHERE t.id = :task_id
   AND t.status IN ('waiting', 'scheduled', 'queued', 'retrying', 'needs_attention')
RETURNING t.id, t.attempt_number, t.tenant_id, t.type, t.origin, t.status, t.contract_id,
          t.mission_id, t.is_parent OR t.is_followed AS followed;

-- ask_to_cancel --
-- Note that a task at work is to end with its attempt, or with its children; the next beat tells the worker.
UPDATE htm_tasks
   SET cancel_requested_at = statement_timestamp(), cancel_requested_by = :principal,
       updated_at = statement_timestamp()
 WHERE id = :task_id AND status IN ('assigned', 'running', 'joining')
   AND cancel_requested_at IS NULL;

-- release_task --
-- Queue a task that rests, without its service level: whoever releases it wants it done, however late
-- up to its own deadline.
UPDATE htm_tasks t
   SET status = 'queued',
       released_at = statement_timestamp(), released_by = :principal,
       queued_at = greatest(statement_timestamp(), t.created_at),
       order_key = statement_timestamp() - t.priority * CAST(:aging_step AS interval),
       assigned_at = NULL, started_at = NULL, expires_at = t.deadline_at,
       updated_at = statement_timestamp()
 WHERE t.id = :task_id AND t.status = (SELECT 'needs_attention')
RETURNING t.kernel;

-- mark_replay --
-- Note which task a new one does once more.
UPDATE htm_tasks
   SET replay_of = :original, updated_at = statement_timestamp()
 WHERE id = :task_id AND status = (SELECT 'queued') AND replay_of IS NULL;

-- list_dead_letters --
-- A tenant's dead letters, newest first, each with the task that does it once more.
SELECT CAST(t.id AS text) AS task_id, t.type, t.kernel, t.origin, t.attempt_number AS attempts,
       t.error_class, left(t.error_message, 1000) AS error_message, t.contract_id, t.mission_id,
       t.created_at, t.finished_at, CAST(again.id AS text) AS replayed_as
  FROM htm_tasks t
  LEFT JOIN htm_tasks again ON again.replay_of = t.id
 WHERE t.tenant_id = :tenant_id AND t.status = 'dead_letter'
   AND t.id < coalesce(CAST(:before AS uuid), 'ffffffff-ffff-ffff-ffff-ffffffffffff')
 ORDER BY t.id DESC
 LIMIT :limit;

-- pause_queue --
-- Hand out no more tasks of a kernel. No row: it is paused already.
INSERT INTO htm_queues (kernel, paused_at, paused_by)
VALUES (:kernel, statement_timestamp(), :principal)
ON CONFLICT (kernel) DO NOTHING;

-- resume_queue --
-- Hand out tasks of a kernel again. No row: it is not paused.
DELETE FROM htm_queues WHERE kernel = :kernel;

-- queue_names --
-- Kernels with tasks of a tenant, and paused ones; walks from kernel to kernel, however long a queue is.
WITH RECURSIVE line AS (
    (
    SELECT t.kernel
      FROM htm_tasks t
     WHERE t.status = 'queued' AND t.kernel > :after
     ORDER BY t.kernel
     LIMIT 1
    )
     UNION ALL
    SELECT next.kernel
      FROM line
     CROSS JOIN LATERAL (
           SELECT t.kernel
             FROM htm_tasks t
            WHERE t.status = 'queued' AND t.kernel > line.kernel
            ORDER BY t.kernel
            LIMIT 1
           ) AS next
), waiting AS (
    SELECT line.kernel
      FROM line
     -- Not EXISTS: its plan may read the whole queue of the tenant at once.
     CROSS JOIN LATERAL (
           SELECT FROM htm_tasks t
            WHERE t.status = 'queued' AND t.kernel = line.kernel AND t.tenant_id = :tenant_id
            LIMIT 1
           ) AS own
     LIMIT :limit
)
SELECT kernel FROM waiting
 UNION
SELECT kernel
  FROM htm_tasks
 WHERE status IN ('assigned', 'running') AND tenant_id = :tenant_id AND kernel > :after
 UNION
SELECT kernel FROM htm_queues WHERE kernel > :after
 ORDER BY kernel
 LIMIT :limit;

-- count_queues --
-- The queues of these kernels, as a tenant sees them; counts end at `most`.
WITH held AS (
    SELECT kernel, least(count(*), :most) AS tasks
      FROM htm_tasks
     WHERE status IN ('assigned', 'running') AND tenant_id = :tenant_id
     GROUP BY kernel
)
SELECT k.kernel, q.paused_at, q.paused_by, known.asked_at, coalesce(held.tasks, 0) AS held,
       (
       SELECT count(*)
         FROM (
              SELECT FROM htm_tasks t
               WHERE t.status = 'queued' AND t.kernel = k.kernel AND t.tenant_id = :tenant_id
               LIMIT :most
              ) AS waiting
       ) AS queued
  FROM unnest(CAST(:kernels AS text[])) AS k (kernel)
  LEFT JOIN htm_queues q USING (kernel)
  LEFT JOIN htm_kernels known USING (kernel)
  LEFT JOIN held USING (kernel)
 ORDER BY k.kernel;
