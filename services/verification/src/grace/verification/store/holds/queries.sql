-- take_holds --
-- One plan at a time acts on a target, whichever tenant's: its name stands for the same thing for all of them. Who waited
-- longer comes first. Absent: not this one, not now.
INSERT INTO target_holds (tenant_id, target, contract_id, mission_id)
SELECT DISTINCT ON (c.target) '*', c.target, c.contract_id, c.mission_id
  FROM action_contracts c
 WHERE c.contract_id = ANY (CAST(:contract_ids AS text[]))
   AND (EXISTS (SELECT FROM target_holds h
                 WHERE h.tenant_id = '*' AND h.target = c.target AND h.mission_id = c.mission_id)
        OR NOT EXISTS (SELECT FROM action_contracts w
                        WHERE w.target = c.target AND w.status = 'waiting'
                          AND w.contract_id <> c.contract_id
                          AND (w.waiting_since, w.contract_id)
                              < (coalesce(c.waiting_since, now()), c.contract_id)))
 ORDER BY c.target, coalesce(c.waiting_since, now()), c.contract_id
ON CONFLICT (tenant_id, target) DO UPDATE SET contract_id = excluded.contract_id
 WHERE target_holds.mission_id = excluded.mission_id
RETURNING contract_id;

-- holder --
-- Who holds a target, and for which tenant.
SELECT c.contract_id, c.tenant_id
  FROM target_holds h JOIN action_contracts c ON c.contract_id = h.contract_id
 WHERE h.tenant_id = '*' AND h.target = :target;

-- free_holds --
-- Targets go to another action of the same plan that still has them, or are free again: those come back.
-- (SELECT ..) hides how many there are from the planner: it would plan each end anew.
WITH held AS (
    SELECT h.target,
           (SELECT o.contract_id FROM action_contracts o
             WHERE o.mission_id = c.mission_id AND o.target = c.target AND o.contract_id <> c.contract_id
               AND o.closed_at IS NULL AND o.status NOT IN ('drafted', 'approved', 'waiting')
             ORDER BY o.sequence DESC LIMIT 1) AS heir
      FROM action_contracts c
      JOIN target_holds h ON h.tenant_id = '*' AND h.target = c.target AND h.mission_id = c.mission_id
     WHERE c.contract_id = ANY (CAST((SELECT CAST(:contract_ids AS text[])) AS text[]))
     ORDER BY h.target
), passed AS (
    UPDATE target_holds h SET contract_id = held.heir FROM held
     WHERE h.tenant_id = '*' AND h.target = held.target AND held.heir IS NOT NULL
)
DELETE FROM target_holds h USING held
 WHERE h.tenant_id = '*' AND h.target = held.target AND held.heir IS NULL
RETURNING h.target;

-- release_outlived --
-- Holds whose contract has ended: there should be none.
DELETE FROM target_holds h USING action_contracts c
 WHERE c.contract_id = h.contract_id AND c.closed_at IS NOT NULL
RETURNING h.target, h.contract_id;

-- holds --
-- The targets that a tenant holds or waits for, each with who of it waits in which order.
SELECT h.target, h.contract_id, h.mission_id, c.tenant_id = :tenant_id AS is_own, h.taken_at, c.status, w.waiting
  FROM target_holds h
  JOIN action_contracts c ON c.contract_id = h.contract_id
 CROSS JOIN LATERAL (
       SELECT coalesce(json_agg(json_build_object(
                            'contract_id', contract_id, 'mission_id', mission_id, 'waiting_since', waiting_since,
                            'waits_until', waiting_since + CAST(:wait_at_most AS interval))
                        ORDER BY waiting_since, contract_id), '[]') AS waiting,
              count(*) AS waiters
         FROM action_contracts
        WHERE tenant_id = :tenant_id AND target = h.target AND status = 'waiting') AS w
 WHERE h.tenant_id = '*' AND (c.tenant_id = :tenant_id OR w.waiters > 0)
   AND (CAST(:after AS text) IS NULL OR h.target > CAST(:after AS text))
 ORDER BY h.target LIMIT :most;
