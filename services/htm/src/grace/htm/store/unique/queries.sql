-- Unique keys. Whoever submits locks the rows of the keys first, then those of the tasks that hold them;
-- whoever ends a task touches its own row alone, so that the two cannot deadlock.

-- lock_unique_keys --
-- Lock keys until the commit, in one order; returns the tasks that held them last.
INSERT INTO htm_unique_keys (tenant_id, unique_key)
SELECT DISTINCT tenant_id, unique_key
  FROM unnest(CAST(:tenants AS text[]), CAST(:keys AS text[])) AS w (tenant_id, unique_key)
 ORDER BY tenant_id, unique_key
    ON CONFLICT (tenant_id, unique_key) DO UPDATE SET tenant_id = excluded.tenant_id
RETURNING tenant_id, unique_key, task_id;

-- live_tasks --
-- Those of the tasks that have not ended, locked: they hold their keys until the commit. A parent ends
-- after its children, so that nobody can take its place at once, as if it had joined them.
SELECT id, CASE WHEN is_parent THEN 'joining' ELSE status END AS status
  FROM htm_tasks
 WHERE id = ANY (CAST(:task_ids AS uuid[])) AND finished_at IS NULL
 ORDER BY id
   FOR NO KEY UPDATE;

-- replace_tasks --
-- End tasks in whose place others come. No row: somebody moved the task.
UPDATE htm_tasks t
   SET status = 'cancelled', not_before = NULL,
       cancel_requested_at = statement_timestamp(), cancel_requested_by = r.principal,
       finished_at = greatest(statement_timestamp(), t.queued_at, t.assigned_at, t.started_at),
       updated_at = statement_timestamp()
  FROM unnest(CAST(:task_ids AS uuid[]), CAST(:principals AS text[])) AS r (task_id, principal)
 WHERE t.id = r.task_id AND t.id = ANY (CAST(:task_ids AS uuid[]))
   AND t.status IN ('waiting', 'scheduled', 'queued', 'retrying')
RETURNING t.id, t.attempt_number, t.tenant_id, t.type, t.origin, t.status, t.contract_id,
          t.mission_id, t.is_parent OR t.is_followed AS followed;

-- hold_unique_keys --
-- Note which tasks hold these keys from now on; their rows are locked.
UPDATE htm_unique_keys u
   SET task_id = h.task_id
  FROM unnest(CAST(:tenants AS text[]), CAST(:keys AS text[]), CAST(:task_ids AS uuid[]))
       AS h (tenant_id, unique_key, task_id)
 WHERE u.tenant_id = h.tenant_id AND u.unique_key = h.unique_key;

-- note_joined --
-- Client keys that stand for tasks of others; returns those that are new.
INSERT INTO htm_task_keys (tenant_id, key, task_id, body_hash)
SELECT tenant_id, key, task_id, body_hash
  FROM unnest(CAST(:tenants AS text[]), CAST(:keys AS text[]), CAST(:task_ids AS uuid[]),
              CAST(:body_hashes AS bytea[])) AS j (tenant_id, key, task_id, body_hash)
 ORDER BY tenant_id, key
    ON CONFLICT (tenant_id, key) DO NOTHING
RETURNING key;

-- drop_unique_keys --
-- Forget keys whose tasks have ended, of the `look` oldest. The second look at task_id is for a key
-- that somebody took between the two.
WITH dead AS MATERIALIZED (
    SELECT oldest.tenant_id, oldest.unique_key, oldest.task_id
      FROM (
           SELECT * FROM htm_unique_keys ORDER BY task_id NULLS FIRST LIMIT :look
           ) AS oldest
      LEFT JOIN htm_tasks t ON t.id = oldest.task_id
     WHERE t.id IS NULL OR t.finished_at IS NOT NULL
     LIMIT :most
), locked AS (
    SELECT u.tenant_id, u.unique_key
      FROM htm_unique_keys u
      JOIN dead d ON u.tenant_id = d.tenant_id AND u.unique_key = d.unique_key
                 AND u.task_id IS NOT DISTINCT FROM d.task_id
       FOR UPDATE OF u SKIP LOCKED
)
DELETE FROM htm_unique_keys u
 USING locked l
 WHERE u.tenant_id = l.tenant_id AND u.unique_key = l.unique_key;
