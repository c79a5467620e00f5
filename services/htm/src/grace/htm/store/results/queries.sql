-- Results that lie in the blob store. Written before the attempt is closed: a final row never changes.

-- note_references --
-- Where the results of attempts lie, in place of what an attempt before them may have left. No row: the attempt is
-- over, or the task has moved on.
UPDATE htm_tasks t
   SET result_json = NULL, result_sha256 = r.sha256, result_size_bytes = r.size_bytes
  FROM unnest(CAST(:task_ids AS uuid[]), CAST(:attempt_numbers AS integer[]),
              CAST(:sha256s AS text[]), CAST(:sizes AS bigint[]))
       AS r (task_id, attempt_number, sha256, size_bytes)
 WHERE t.id = r.task_id AND t.attempt_number = r.attempt_number
   AND t.id = ANY (CAST(:task_ids AS uuid[]))
   AND t.status IN ('assigned', 'running');
