-- take_hold --
-- One plan at a time acts on a target, and who waited longer comes first. No row: not this one, not now.
INSERT INTO target_holds (tenant_id, target, contract_id, mission_id)
SELECT c.tenant_id, c.target, c.contract_id, c.mission_id
  FROM action_contracts c
 WHERE c.contract_id = :contract_id
   AND (EXISTS (SELECT FROM target_holds h
                 WHERE h.tenant_id = c.tenant_id AND h.target = c.target AND h.mission_id = c.mission_id)
        OR NOT EXISTS (SELECT FROM action_contracts w
                        WHERE w.tenant_id = c.tenant_id AND w.target = c.target AND w.status = 'waiting'
                          AND w.contract_id <> c.contract_id
                          AND (w.waiting_since, w.contract_id)
                              < (coalesce(c.waiting_since, now()), c.contract_id)))
ON CONFLICT (tenant_id, target) DO UPDATE SET contract_id = excluded.contract_id
 WHERE target_holds.mission_id = excluded.mission_id
RETURNING contract_id;

-- holder --
-- Who holds a target.
SELECT contract_id FROM target_holds WHERE tenant_id = :tenant_id AND target = :target;

-- pass_hold --
-- Another action of the same plan still has the target. No row: nobody of it has.
UPDATE target_holds h SET contract_id = heir.contract_id
  FROM (SELECT o.tenant_id, o.target, o.mission_id, o.contract_id
          FROM action_contracts c
          JOIN action_contracts o ON o.mission_id = c.mission_id AND o.target = c.target
                                 AND o.contract_id <> c.contract_id
         WHERE c.contract_id = :contract_id AND o.closed_at IS NULL
           AND o.status NOT IN ('drafted', 'approved', 'waiting')
         ORDER BY o.sequence DESC LIMIT 1) heir
 WHERE h.tenant_id = heir.tenant_id AND h.target = heir.target AND h.mission_id = heir.mission_id
RETURNING h.contract_id;

-- release_hold --
-- The target is free again.
DELETE FROM target_holds h USING action_contracts c
 WHERE c.contract_id = :contract_id
   AND h.tenant_id = c.tenant_id AND h.target = c.target AND h.mission_id = c.mission_id
RETURNING h.target;

-- release_outlived --
-- Holds whose contract has ended: there should be none.
DELETE FROM target_holds h USING action_contracts c
 WHERE c.contract_id = h.contract_id AND c.closed_at IS NOT NULL
RETURNING h.tenant_id, h.target, h.contract_id;

-- holds --
-- The held targets of a tenant, each with who waits for it in which order.
SELECT h.target, h.contract_id, h.mission_id, h.taken_at, c.status,
       coalesce((SELECT json_agg(json_build_object(
                            'contract_id', w.contract_id, 'mission_id', w.mission_id,
                            'waiting_since', w.waiting_since,
                            'waits_until', w.waiting_since + CAST(:wait_at_most AS interval))
                        ORDER BY w.waiting_since, w.contract_id)
                   FROM action_contracts w
                  WHERE w.tenant_id = h.tenant_id AND w.target = h.target AND w.status = 'waiting'),
                '[]') AS waiting
  FROM target_holds h JOIN action_contracts c ON c.contract_id = h.contract_id
 WHERE h.tenant_id = :tenant_id AND (CAST(:after AS text) IS NULL OR h.target > CAST(:after AS text))
 ORDER BY h.target LIMIT :most;
