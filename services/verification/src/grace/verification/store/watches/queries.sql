-- insert_watches --
-- Verified contracts are looked at again, after each of these times. Not one whose target a later action of its plan
-- has changed: what it promised held until then, and need not hold now.
INSERT INTO watches (contract_id, look, after, due_at, next_at)
SELECT c.contract_id, w.look, w.after, now() + w.after, now() + w.after
  FROM action_contracts c,
       unnest(CAST(:after AS interval[])) WITH ORDINALITY AS w (after, look)
 WHERE c.contract_id = ANY (CAST(:contract_ids AS text[]))
   AND NOT EXISTS (SELECT FROM action_contracts later
                    WHERE later.mission_id = c.mission_id AND later.target = c.target
                      AND later.sequence > c.sequence AND later.executed)
ON CONFLICT (contract_id, look) DO NOTHING;

-- claim_watches --
-- Take the looks that are due, and keep other replicas off them for a while. `overtaken`: another mission has
-- changed the target since and has not undone that; `in_hand`: one acts on it now.
WITH due AS (
    SELECT contract_id, look FROM watches
     WHERE next_at <= now() ORDER BY next_at LIMIT :most FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE watches w SET next_at = now() + CAST(:claim_for AS interval)
  FROM due, action_contracts c
 WHERE w.contract_id = due.contract_id AND w.look = due.look AND c.contract_id = w.contract_id
RETURNING w.contract_id, w.look, w.after, w.status, w.version, now() - w.due_at AS late_by,
    EXISTS (SELECT FROM action_contracts o
             WHERE o.target = c.target AND o.mission_id <> c.mission_id
               AND o.closed_at > c.closed_at AND o.executed AND o.status <> 'rolled_back') AS is_overtaken,
    EXISTS (SELECT FROM action_contracts o
             WHERE o.target = c.target AND o.mission_id <> c.mission_id
               AND o.closed_at IS NULL AND o.status NOT IN ('drafted', 'approved', 'waiting')) AS is_in_hand;

-- begin_watch --
-- A look is being measured. No row: it has moved on.
UPDATE watches SET status = 'measuring', next_at = now() + CAST(:pause AS interval), version = version + 1
 WHERE contract_id = :contract_id AND look = :look AND version = :version AND status = 'due'
RETURNING look;

-- was_joined --
-- Whether another mission may have acted on the target since a look began, with its first take, also one that undid it.
SELECT EXISTS (
    SELECT FROM action_contracts c, action_contracts o
     WHERE c.contract_id = :contract_id
       AND o.target = c.target AND o.mission_id <> c.mission_id
       AND o.status NOT IN ('drafted', 'approved', 'waiting', 'blocked', 'rejected', 'expired', 'cancelled')
       AND (o.closed_at IS NULL OR o.closed_at >= (SELECT min(t.due_at) FROM takes t
                                                    WHERE t.contract_id = c.contract_id AND t.look = :look)));

-- rest_watch --
-- Its takes are not all in. No row: it has moved on.
UPDATE watches SET next_at = now() + CAST(:pause AS interval)
 WHERE contract_id = :contract_id AND look = :look AND version = :version AND status IN ('due', 'measuring')
RETURNING look;

-- end_watch --
-- A look is done. No row: it has moved on.
UPDATE watches
   SET status = :status, reason = :reason, confidence = :confidence, ended_at = now(), next_at = NULL,
       version = version + 1
 WHERE contract_id = :contract_id AND look = :look AND version = :version AND status IN ('due', 'measuring')
RETURNING look;

-- end_other_watches --
-- The fault is back: nobody needs to look for it again, nor to go on with an earlier look that takes longer.
UPDATE watches SET status = 'skipped', reason = :reason, ended_at = now(), next_at = NULL, version = version + 1
 WHERE contract_id = :contract_id AND look <> :look AND status IN ('due', 'measuring')
RETURNING look;

-- insert_revision --
-- A verdict that a later look took back; numbers count on from the contract's own.
INSERT INTO contract_revisions (contract_id, revision, mission_id, tenant_id, verdict, confidence, actual_state, reason)
SELECT c.contract_id, 1 + coalesce(max(r.revision), c.revision), c.mission_id, c.tenant_id, :verdict, :confidence,
       CAST(:actual_state AS json), :reason
  FROM action_contracts c LEFT JOIN contract_revisions r ON r.contract_id = c.contract_id
 WHERE c.contract_id = :contract_id
 GROUP BY c.contract_id
RETURNING revision, revised_at;

-- revisions --
-- What later looks took back of missions, in their order.
SELECT mission_id, contract_id, revision, verdict, confidence, reason, revised_at
  FROM contract_revisions WHERE mission_id = ANY (CAST(:mission_ids AS text[])) ORDER BY revised_at, revision;

-- watched_mission --
-- What a mission is about, for those who are told that it is open again.
SELECT kind, target FROM missions WHERE mission_id = :mission_id;
