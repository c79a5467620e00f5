-- How far attempts are. Nothing here moves a task.

-- note_progress --
-- How far a worker's attempts say they are. No row: they are not its own any more, or were further already.
INSERT INTO htm_progress AS known (task_id, attempt_number, percent, message, told_at)
SELECT t.id, t.attempt_number, p.percent, p.message,
       greatest(statement_timestamp(), t.assigned_at)
  FROM unnest(CAST(:task_ids AS uuid[]), CAST(:attempt_numbers AS bigint[]),
              CAST(:percents AS integer[]), CAST(:messages AS text[]))
       AS p (task_id, attempt_number, percent, message)
  JOIN htm_tasks t ON t.id = p.task_id AND t.attempt_number = p.attempt_number
 WHERE t.status IN ('assigned', 'running')
   AND t.worker_component = :component AND t.worker_id = :worker_id
 ORDER BY t.id
    ON CONFLICT (task_id, attempt_number) DO UPDATE
   SET percent = excluded.percent, message = excluded.message, told_at = excluded.told_at
 WHERE known.percent <= excluded.percent
   AND (known.percent, known.message) IS DISTINCT FROM (excluded.percent, excluded.message);
