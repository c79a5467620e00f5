-- What tasks wait for: dependencies, parents, children. The rules of the large queries.sql hold here, too.
-- Open states are listed and not excluded: so the index of children finds the few among many ended ones.
-- Triggers turn the end of a parent into `joining` and note in htm_ends whose end others wait for.
-- Everything that an end concerns is locked by one statement, in the order of the ids; the next one
-- looks at it again, so that nothing can come in between.

-- lock_relatives --
-- The stored tasks that a submission names, locked: whoever ends them waits until it has committed.
SELECT t.id, t.tenant_id, t.origin, t.status, t.parent_id,
       t.cancel_requested_at IS NOT NULL OR coalesce(t.ends_as <> 'succeeded', false) AS is_ending
  FROM htm_tasks t
 WHERE t.id = ANY (CAST(:task_ids AS uuid[]))
 ORDER BY t.id
   FOR NO KEY UPDATE;

-- add_dependencies --
-- Note what new tasks depend on, and that somebody waits for those ends; what has ended is followed at once.
WITH new AS (
    SELECT *
      FROM unnest(CAST(:task_ids AS uuid[]), CAST(:depends_on AS uuid[]))
           AS u (task_id, depends_on)
), added AS (
    INSERT INTO htm_dependencies (task_id, depends_on) SELECT task_id, depends_on FROM new
), followed AS (
    UPDATE htm_tasks t
       SET is_followed = true
     WHERE t.id = ANY (ARRAY(SELECT depends_on FROM new))
       AND t.finished_at IS NULL AND NOT t.is_followed
)
INSERT INTO htm_ends (task_id)
SELECT DISTINCT t.id
  FROM htm_tasks t
 WHERE t.id = ANY (ARRAY(SELECT depends_on FROM new)) AND t.finished_at IS NOT NULL;

-- add_children --
-- Give new tasks their parents; neither ends unnoticed from now on.
WITH new AS (
    SELECT *
      FROM unnest(CAST(:task_ids AS uuid[]), CAST(:parent_ids AS uuid[]))
           AS u (task_id, parent_id)
)
UPDATE htm_tasks t
   SET parent_id = coalesce(n.parent_id, t.parent_id),
       is_followed = t.is_followed OR n.parent_id IS NOT NULL,
       is_parent = t.is_parent OR t.id = ANY (ARRAY(SELECT parent_id FROM new))
  FROM (SELECT task_id, parent_id FROM new
         UNION ALL
        SELECT DISTINCT parent_id, CAST(NULL AS uuid) FROM new
         WHERE NOT parent_id = ANY (ARRAY(SELECT task_id FROM new))) AS n
 WHERE t.id = n.task_id AND t.finished_at IS NULL
   AND t.id = ANY (ARRAY(SELECT task_id FROM new UNION SELECT parent_id FROM new));

-- find_end --
-- Whether an end was not followed yet.
SELECT EXISTS (SELECT FROM htm_ends);

-- take_ends --
-- Ends that were not followed yet, oldest first; they are followed in this transaction.
DELETE FROM htm_ends
 WHERE id IN (SELECT id FROM htm_ends ORDER BY id LIMIT :most FOR UPDATE SKIP LOCKED)
RETURNING task_id;

-- return_ends --
-- They concern more tasks than one transaction takes.
INSERT INTO htm_ends (task_id) SELECT unnest(CAST(:task_ids AS uuid[]));

-- lock_followers --
-- Tasks that these ends let go on, or end; locked, at most `most`. OFFSET 0: parent by parent, where a join would
-- read all children that there are.
SELECT t.id
  FROM htm_tasks t
 WHERE t.id = ANY (ARRAY(
       SELECT w.id
         FROM htm_dependencies d
         JOIN htm_tasks w ON w.id = d.task_id
        WHERE d.depends_on = ANY (CAST(:ended AS uuid[])) AND w.status = (SELECT 'waiting')
          AND (EXISTS (SELECT FROM htm_dependencies o JOIN htm_tasks b ON b.id = o.depends_on
                        WHERE o.task_id = w.id
                          AND b.status = ANY (CAST((SELECT ARRAY['failed', 'cancelled', 'expired', 'dead_letter']) AS text[])))
               OR NOT EXISTS (SELECT FROM htm_dependencies o JOIN htm_tasks b ON b.id = o.depends_on
                               WHERE o.task_id = w.id AND b.status <> 'succeeded'))
        UNION
       SELECT p.id
         FROM htm_tasks p
        WHERE p.status = (SELECT 'joining')
          AND p.id = ANY (ARRAY(
              SELECT c.parent_id FROM htm_tasks c WHERE c.id = ANY (CAST(:ended AS uuid[]))
               UNION SELECT unnest(CAST(:ended AS uuid[]))))
          AND NOT EXISTS (SELECT FROM htm_tasks c
                           WHERE c.parent_id = p.id
                             AND c.status IN (
                                 'waiting', 'scheduled', 'queued', 'assigned', 'running',
                                 'retrying', 'needs_attention', 'joining')
                          OFFSET 0)
        UNION
       SELECT c.id
         FROM htm_tasks p
        CROSS JOIN LATERAL (
              SELECT id FROM htm_tasks
               WHERE parent_id = p.id AND finished_at IS NULL AND cancel_requested_at IS NULL
              OFFSET 0) AS c
        WHERE p.id = ANY (CAST(:ended AS uuid[]))
          AND (p.cancel_requested_at IS NOT NULL OR p.ends_as <> 'succeeded')))
 ORDER BY t.id
 LIMIT :most
   FOR NO KEY UPDATE;

-- find_followers --
-- The same tasks with what they wait for, now that nobody else can move them.
SELECT t.id, t.status, t.ends_as, t.cancel_requested_at IS NOT NULL AS cancelling,
       (SELECT count(*) FROM htm_dependencies d JOIN htm_tasks o ON o.id = d.depends_on
         WHERE d.task_id = t.id AND o.status <> 'succeeded') AS unmet,
       broken.id AS broken_id, broken.status AS broken_status,
       EXISTS (SELECT FROM htm_tasks c
                WHERE c.parent_id = t.id
                  AND c.status IN (
                      'waiting', 'scheduled', 'queued', 'assigned', 'running', 'retrying',
                      'needs_attention', 'joining')) AS open_children,
       bad.id AS bad_id, bad.status AS bad_status,
       p.id AS parent_id,
       CASE WHEN p.ends_as <> 'succeeded' THEN p.ends_as ELSE 'cancelled' END AS parent_ends_as
  FROM htm_tasks t
  LEFT JOIN LATERAL (
       SELECT o.id, o.status
         FROM htm_dependencies d
         JOIN htm_tasks o ON o.id = d.depends_on
        WHERE d.task_id = t.id
          AND o.status = ANY (CAST((SELECT ARRAY['failed', 'cancelled', 'expired', 'dead_letter']) AS text[]))
        ORDER BY o.id
        LIMIT 1
       ) AS broken ON t.status = 'waiting'
  LEFT JOIN LATERAL (
       SELECT c.id, c.status
         FROM htm_tasks c
        WHERE c.parent_id = t.id
          AND c.status = ANY (CAST((SELECT ARRAY['failed', 'cancelled', 'expired', 'dead_letter']) AS text[]))
        ORDER BY c.id
        LIMIT 1
       ) AS bad ON t.status = 'joining'
  LEFT JOIN htm_tasks p
    ON p.id = t.parent_id AND (p.cancel_requested_at IS NOT NULL OR p.ends_as <> 'succeeded')
 WHERE t.id = ANY (CAST(:task_ids AS uuid[]))
 ORDER BY t.id;

-- release_waiting --
-- Queue tasks whose dependencies have all succeeded, or let them wait for their time; returns their kernels.
UPDATE htm_tasks t
   SET status = CASE WHEN t.run_at > statement_timestamp() THEN 'scheduled' ELSE 'queued' END,
       not_before = CASE WHEN t.run_at > statement_timestamp() THEN t.run_at END,
       queued_at = greatest(statement_timestamp(), t.created_at),
       order_key = statement_timestamp() - t.priority * CAST(:aging_step AS interval),
       updated_at = statement_timestamp()
 WHERE t.id = ANY (CAST(:task_ids AS uuid[])) AND t.status = (SELECT 'waiting')
RETURNING t.kernel;

-- cancel_followers --
-- End tasks that nobody holds because of another's end.
WITH ending AS (
    SELECT u.*, held.status AS before
      FROM unnest(CAST(:task_ids AS uuid[]), CAST(:reasons AS text[])) AS u (task_id, reason)
      JOIN htm_tasks held ON held.id = u.task_id AND held.id = ANY (CAST(:task_ids AS uuid[]))
)
UPDATE htm_tasks t
   SET status = 'cancelled', not_before = NULL,
       cancel_requested_at = statement_timestamp(), cancel_requested_by = 'htm',
       cancel_reason = e.reason,
       finished_at = greatest(statement_timestamp(), t.queued_at, t.assigned_at, t.started_at),
       updated_at = statement_timestamp()
  FROM ending e
 WHERE t.id = e.task_id AND t.id = ANY (CAST(:task_ids AS uuid[]))
   AND t.status IN ('waiting', 'scheduled', 'queued', 'retrying', 'needs_attention')
RETURNING t.id, t.attempt_number, t.tenant_id, t.type, t.origin, t.status, t.contract_id,
          t.mission_id, greatest(t.created_at, t.run_at) AS created_at,
          CASE WHEN e.before NOT IN ('waiting', 'scheduled') THEN t.queued_at END AS queued_at,
          t.assigned_at, t.started_at, t.finished_at, t.is_parent OR t.is_followed AS followed;

-- ask_followers --
-- Note that tasks at work are to stop because of another's end; the next beat tells their workers.
WITH ending AS (
    SELECT *
      FROM unnest(CAST(:task_ids AS uuid[]), CAST(:reasons AS text[])) AS u (task_id, reason)
)
UPDATE htm_tasks t
   SET cancel_requested_at = statement_timestamp(), cancel_requested_by = 'htm',
       cancel_reason = e.reason, updated_at = statement_timestamp()
  FROM ending e
 WHERE t.id = e.task_id AND t.id = ANY (CAST(:task_ids AS uuid[]))
   AND t.status IN ('assigned', 'running', 'joining') AND t.cancel_requested_at IS NULL;

-- end_parents --
-- End tasks whose children have all ended.
WITH ending AS (
    SELECT *
      FROM unnest(CAST(:task_ids AS uuid[]), CAST(:states AS text[]), CAST(:errors AS text[]))
           AS u (task_id, state, error)
)
UPDATE htm_tasks t
   SET status = e.state,
       error_class = CASE WHEN e.state = 'failed' AND e.error IS NOT NULL THEN 'nonretryable'
                          ELSE t.error_class END,
       error_message = CASE WHEN e.state = 'failed' THEN coalesce(e.error, t.error_message)
                            ELSE t.error_message END,
       finished_at = greatest(statement_timestamp(), t.queued_at, t.assigned_at, t.started_at),
       updated_at = statement_timestamp()
  FROM ending e
 WHERE t.id = e.task_id AND t.id = ANY (CAST(:task_ids AS uuid[]))
   AND t.status = (SELECT 'joining')
RETURNING t.id, t.attempt_number, t.tenant_id, t.type, t.origin, t.status, t.contract_id,
          t.mission_id, greatest(t.created_at, t.run_at) AS created_at,
          -- One that joined its children from the queue left it unseen.
          CASE WHEN t.assigned_at IS NOT NULL THEN t.queued_at END AS queued_at,
          t.assigned_at, t.started_at, t.finished_at,
          (SELECT a.finished_at FROM htm_task_attempts a
            WHERE a.task_id = t.id AND a.attempt_number = t.attempt_number) AS worked_until,
          t.is_parent OR t.is_followed AS followed;

-- find_blockers --
-- What a task waits for: dependencies that have not succeeded, or children that have not ended.
SELECT o.id, o.status
  FROM htm_dependencies d
  JOIN htm_tasks o ON o.id = d.depends_on
 WHERE d.task_id = :task_id AND o.status <> 'succeeded'
 UNION ALL
SELECT c.id, c.status
  FROM htm_tasks c
 WHERE c.parent_id = :task_id
   AND c.status IN ('waiting', 'scheduled', 'queued', 'assigned', 'running', 'retrying',
                    'needs_attention', 'joining')
 ORDER BY 1
 LIMIT :most;
