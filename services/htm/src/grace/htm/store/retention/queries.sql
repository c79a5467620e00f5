-- Retention. What has not ended is never touched, however old it is.

-- lock_ended --
-- Tasks that ended long ago, locked, the oldest first. The id begins with the time it was made: younger ones
-- are not even looked at. A task that another one replays stays as long as that one; so do what a live task
-- waited for, and the children of a live parent, by whose ends those are still judged.
SELECT t.id
  FROM htm_tasks t
 WHERE t.id < CAST(
           lpad(to_hex(CAST(floor(extract(
               epoch FROM statement_timestamp() - CAST(:keep AS interval)) * 1000) AS bigint)),
               12, '0') || repeat('f', 20) AS uuid)
   AND t.finished_at < statement_timestamp() - CAST(:keep AS interval)
   AND NOT EXISTS (SELECT FROM htm_tasks again WHERE again.replay_of = t.id)
   AND NOT EXISTS (SELECT FROM htm_dependencies d JOIN htm_tasks w ON w.id = d.task_id
                    WHERE d.depends_on = t.id AND w.finished_at IS NULL)
   AND NOT EXISTS (SELECT FROM htm_tasks p WHERE p.id = t.parent_id AND p.finished_at IS NULL)
 ORDER BY t.id
 LIMIT :most
   FOR UPDATE OF t SKIP LOCKED;

-- drop_ended --
-- Forget them, but for those that somebody named between the look at them and the lock: the statement that locked them
-- does not see it, and a task would begin whose dependency had failed. Nobody names one now.
WITH ended AS MATERIALIZED (
    SELECT t.id, t.tenant_id
      FROM htm_tasks t
     WHERE t.id = ANY (CAST(:task_ids AS uuid[]))
       AND NOT EXISTS (SELECT FROM htm_tasks again WHERE again.replay_of = t.id)
       AND NOT EXISTS (SELECT FROM htm_dependencies d WHERE d.depends_on = t.id
                          AND (SELECT w.finished_at IS NULL FROM htm_tasks w WHERE w.id = d.task_id))
), attempts AS (
    DELETE FROM htm_task_attempts a USING ended e WHERE a.task_id = e.id
), keys AS (
    DELETE FROM htm_task_keys k USING ended e
     WHERE k.tenant_id = e.tenant_id AND k.task_id = e.id
), waits AS (
    DELETE FROM htm_dependencies d USING ended e WHERE d.task_id = e.id
), progress AS (
    DELETE FROM htm_progress p USING ended e WHERE p.task_id = e.id
)
DELETE FROM htm_tasks t
 USING ended e
 WHERE t.id = e.id
RETURNING t.id;
