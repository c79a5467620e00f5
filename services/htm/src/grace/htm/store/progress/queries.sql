-- How far attempts are. Nothing here moves a task.

-- find_progress --
-- How far attempts said they were. No row: they said nothing.
SELECT p.task_id, p.percent, p.message
  FROM unnest(CAST(:task_ids AS uuid[]), CAST(:attempt_numbers AS integer[]))
       AS a (task_id, attempt_number)
  JOIN htm_progress p USING (task_id, attempt_number);

-- note_progress --
-- How far workers' attempts say they are. No row: they are not their own any more, or were further already.
INSERT INTO htm_progress AS known (task_id, attempt_number, percent, message, told_at)
SELECT t.id, t.attempt_number, p.percent, p.message,
       greatest(statement_timestamp(), t.assigned_at)
  FROM unnest(CAST(:task_ids AS uuid[]), CAST(:attempt_numbers AS bigint[]),
              CAST(:components AS text[]), CAST(:workers AS text[]),
              CAST(:percents AS integer[]), CAST(:messages AS text[]))
       AS p (task_id, attempt_number, component, worker_id, percent, message)
  JOIN htm_tasks t ON t.id = p.task_id AND t.attempt_number = p.attempt_number
 WHERE t.status = ANY (CAST((SELECT ARRAY['assigned', 'running']) AS text[]))
   AND t.worker_component = p.component AND t.worker_id = p.worker_id
 ORDER BY t.id
    ON CONFLICT (task_id, attempt_number) DO UPDATE
   SET percent = excluded.percent, message = excluded.message, told_at = excluded.told_at
 WHERE known.percent <= excluded.percent
   AND (known.percent, known.message) IS DISTINCT FROM (excluded.percent, excluded.message);
