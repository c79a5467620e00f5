-- hold_contracts --
-- Contracts hold their targets and want their first task; it is in hand. Absent: it has moved on.
UPDATE action_contracts c
   SET status = :status, step = 'apply', step_since = now(), task_spec = w.task_spec, task_id = NULL,
       next_at = now() + CAST(:claim_for AS interval), version = c.version + 1, reason = NULL
  FROM unnest(CAST(:contract_ids AS text[]), CAST(:versions AS integer[]), CAST(:task_specs AS bytea[]))
    AS w (contract_id, version, task_spec)
 WHERE c.contract_id = w.contract_id AND c.version = w.version
RETURNING c.contract_id;

-- submit_contracts --
-- htm has accepted their tasks. Absent: it has moved on.
UPDATE action_contracts c
   SET status = w.status, task_id = w.task_id, task_ids = array_append(c.task_ids, w.task_id),
       next_at = now() + w.pause, version = c.version + 1
  FROM unnest(CAST(:contract_ids AS text[]), CAST(:versions AS integer[]), CAST(:statuses AS text[]),
              CAST(:task_ids AS text[]), CAST(:pauses AS interval[]))
    AS w (contract_id, version, status, task_id, pause)
 WHERE c.contract_id = w.contract_id AND c.version = w.version
RETURNING c.contract_id;

-- measure_contracts --
-- They have acted: their before-states are stored, and their measurements wanted. Absent: it has moved on.
WITH wanted AS (
    SELECT * FROM unnest(CAST(:contract_ids AS text[]), CAST(:versions AS integer[]), CAST(:task_specs AS bytea[]),
                         CAST(:task_ids AS text[]), CAST(:pauses AS interval[]), CAST(:executions AS text[]),
                         CAST(:snapshot_ids AS uuid[]), CAST(:content_hashes AS text[]), CAST(:states AS text[]),
                         CAST(:after_states AS text[]))
      AS w (contract_id, version, task_spec, task_id, pause, execution, snapshot_id, content_hash, state, after_state)
), moved AS (
    UPDATE action_contracts c
       SET status = :status, step = 'measure', step_since = now(), task_spec = w.task_spec, task_id = w.task_id,
           task_ids = CASE WHEN w.task_id IS NULL THEN c.task_ids ELSE array_append(c.task_ids, w.task_id) END,
           next_at = now() + w.pause, version = c.version + 1,
           snapshot_id = w.snapshot_id, execution = CAST(w.execution AS json), executed = true
      FROM wanted w
     WHERE c.contract_id = w.contract_id AND c.version = w.version
    RETURNING c.contract_id, c.tenant_id
)
INSERT INTO safe_hold_snapshots (snapshot_id, contract_id, tenant_id, content_hash, state, after_state)
SELECT w.snapshot_id, w.contract_id, m.tenant_id, w.content_hash, w.state, w.after_state
  FROM moved m JOIN wanted w ON w.contract_id = m.contract_id
RETURNING contract_id;

-- rest_contracts --
-- Nothing to do yet. Where something has happened meanwhile, it is due already.
UPDATE action_contracts c SET next_at = now() + w.pause
  FROM unnest(CAST(:contract_ids AS text[]), CAST(:versions AS integer[]), CAST(:pauses AS interval[]))
    AS w (contract_id, version, pause)
 WHERE c.contract_id = w.contract_id AND c.version = w.version AND c.next_at IS NOT NULL;

-- close_contracts --
-- Contracts have their ends; what was found before a revert stays. What came true and is no success (undone with its
-- plan) has no confidence left: 1 is for verified only. Absent: it has moved on.
UPDATE action_contracts c
   SET status = w.status, reason = w.reason, closed_at = now(), next_at = NULL, version = c.version + 1,
       executed = coalesce(w.executed, c.executed),
       confidence = CASE WHEN w.status <> 'verified' AND coalesce(w.confidence, c.confidence) = 1 THEN 0
                         ELSE coalesce(w.confidence, c.confidence) END,
       actual_state = coalesce(CAST(w.actual_state AS json), c.actual_state),
       restored_state = coalesce(CAST(w.restored_state AS json), c.restored_state)
  FROM unnest(CAST(:contract_ids AS text[]), CAST(:versions AS integer[]), CAST(:statuses AS text[]),
              CAST(:reasons AS text[]), CAST(:executed AS boolean[]), CAST(:confidences AS double precision[]),
              CAST(:actual_states AS text[]), CAST(:restored_states AS text[]))
    AS w (contract_id, version, status, reason, executed, confidence, actual_state, restored_state)
 WHERE c.contract_id = w.contract_id AND c.version = w.version
RETURNING c.contract_id, c.confidence, c.executed, c.closed_at;
