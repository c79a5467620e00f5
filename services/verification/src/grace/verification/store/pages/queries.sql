-- Pages of a tenant's missions, newest first. Few of many stand in most ways: those of each are found by an index.

-- missions --
-- However they stand; `status` is NULL.
SELECT mission_id, tenant_id, kind, target, requested_by, status, confidence, playbook_id, plan_hash, reason,
       opened_at, closed_at
  FROM missions
 WHERE tenant_id = :tenant_id AND CAST(:status AS text) IS NULL
   AND (CAST(:before AS text) IS NULL OR mission_id < CAST(:before AS text))
 ORDER BY mission_id DESC LIMIT :most;

-- open_missions --
-- What has not ended: `needs_attention`, or `open`, which goes on by itself wherever it is.
SELECT mission_id, tenant_id, kind, target, requested_by, status, confidence, playbook_id, plan_hash, reason,
       opened_at, closed_at
  FROM missions
 WHERE tenant_id = :tenant_id
   AND status IN ('open', 'planned', 'awaiting_approval', 'acting', 'needs_attention')
   AND (CAST(:status AS text) = 'needs_attention') = (status = 'needs_attention')
   AND (CAST(:before AS text) IS NULL OR mission_id < CAST(:before AS text))
 ORDER BY mission_id DESC LIMIT :most;

-- reopened_missions --
-- What was verified and whose fault is back, sought among what was taken back.
SELECT m.mission_id, m.tenant_id, m.kind, m.target, m.requested_by, m.status, m.confidence, m.playbook_id, m.plan_hash,
       m.reason, m.opened_at, m.closed_at
  FROM (SELECT DISTINCT mission_id FROM contract_revisions
         WHERE tenant_id = :tenant_id
           AND (CAST(:before AS text) IS NULL OR mission_id < CAST(:before AS text))) AS r
  JOIN missions m ON m.mission_id = r.mission_id AND m.tenant_id = :tenant_id AND m.status = 'verified'
 WHERE CAST(:status AS text) = 'reopened'
 ORDER BY m.mission_id DESC LIMIT :most;

-- ended_missions --
-- What ended so; one that was verified and whose fault is back is `reopened` and not among them.
SELECT mission_id, tenant_id, kind, target, requested_by, status, confidence, playbook_id, plan_hash, reason,
       opened_at, closed_at
  FROM missions m
 WHERE tenant_id = :tenant_id AND status = :status AND closed_at IS NOT NULL
   AND (CAST(:before AS text) IS NULL OR mission_id < CAST(:before AS text))
   AND NOT EXISTS (SELECT FROM contract_revisions r WHERE r.mission_id = m.mission_id AND m.status = 'verified')
 ORDER BY mission_id DESC LIMIT :most;
