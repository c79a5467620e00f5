-- attended --
-- The contract of a mission that rests until a person decides.
SELECT c.contract_id
  FROM action_contracts c JOIN missions m ON m.mission_id = c.mission_id
 WHERE m.tenant_id = :tenant_id AND c.mission_id = :mission_id AND c.status = 'needs_attention'
 ORDER BY c.sequence LIMIT 1
   FOR NO KEY UPDATE OF c;

-- choose --
-- A person decides. No row: somebody has decided already, or it does not rest any more.
UPDATE action_contracts
   SET choice = :choice, chosen_by = :chosen_by, chosen_why = :chosen_why, next_at = now(), version = version + 1
 WHERE contract_id = :contract_id AND status = 'needs_attention' AND choice IS NULL
RETURNING contract_id;

-- note_refusal --
-- Why a revert was refused.
UPDATE action_contracts SET refusal = :refusal WHERE contract_id = :contract_id;

-- note_conflict --
-- What somebody else has changed since the action.
UPDATE action_contracts
   SET conflict = CAST(:conflict AS json), choice = NULL, chosen_by = NULL, chosen_why = NULL
 WHERE contract_id = :contract_id;

-- begin_again --
-- A person wants the revert once more.
UPDATE action_contracts
   SET reverts = reverts + 1, refusal = NULL, conflict = NULL,
       choice = NULL, chosen_by = NULL, chosen_why = NULL
 WHERE contract_id = :contract_id;
