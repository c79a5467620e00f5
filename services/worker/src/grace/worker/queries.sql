-- look_at_action --
-- The clock, the receipts of both steps of an action, and whether its contract is closed. Nothing is locked:
-- whatever is decided by it is guarded where it is written.
SELECT now() AS looked_at, r.step, r.id, r.act_hash, r.task_id, r.attempt_number, r.before_state, r.before_hash,
       r.held_until, r.refused_at, r.result, r.after_state,
       EXISTS (SELECT FROM closed_contracts WHERE contract_id = :contract_id) AS closed
  FROM (VALUES (:action_id)) AS wanted (action_id)
  LEFT JOIN effect_receipts r ON r.action_id = wanted.action_id;

-- open_receipt --
-- Commit the before-state and the intent to act. No row: somebody else was first.
INSERT INTO effect_receipts (
    action_id, step, id, tenant_id, contract_id, operation, target, params, act_hash,
    before_state, before_hash, task_id, attempt_number, worker_id, held_until)
VALUES (
    :action_id, :step, :id, :tenant_id, :contract_id, :operation, :target, :params, :act_hash,
    :before_state, :before_hash, :task_id, :attempt_number, :worker_id,
    now() + CAST(:held_for AS interval))
ON CONFLICT (action_id, step) DO NOTHING
RETURNING id;

-- take_over_receipt --
-- Go on with an open receipt. No row: a later attempt has it, or it is complete.
UPDATE effect_receipts
   SET task_id = :task_id, attempt_number = :attempt_number, worker_id = :worker_id,
       held_until = now() + CAST(:held_for AS interval), refused_at = NULL
 WHERE action_id = :action_id AND step = :step AND completed_at IS NULL
   AND CASE WHEN task_id = :task_id THEN attempt_number <= :attempt_number
            ELSE held_until < now() END
RETURNING id;

-- refuse_receipt --
-- The effect was refused before it changed anything: whoever tries again need not wait.
UPDATE effect_receipts SET refused_at = now(), held_until = now()
 WHERE action_id = :action_id AND step = :step AND completed_at IS NULL
   AND task_id = :task_id AND attempt_number = :attempt_number
RETURNING id;

-- complete_receipt --
-- Store what the effect did. No row: another attempt took the receipt over.
UPDATE effect_receipts
   SET result = :result, after_state = :after_state, completed_at = now()
 WHERE action_id = :action_id AND step = :step AND completed_at IS NULL
   AND task_id = :task_id AND attempt_number = :attempt_number
RETURNING id;

-- read_breakers --
-- All breakers, with the seconds that they have been stored.
SELECT kernel, target, state, failures, elapsed, generation,
       CAST(extract(epoch FROM clock_timestamp() - stored_at) AS float8) AS idle
  FROM breaker_states;

-- store_breaker --
-- Keep a breaker for the next process.
INSERT INTO breaker_states (kernel, target, state, failures, elapsed, generation)
VALUES (:kernel, :target, :state, :failures, :elapsed, :generation)
ON CONFLICT (kernel, target) DO UPDATE
   SET state = excluded.state, failures = excluded.failures, elapsed = excluded.elapsed,
       generation = excluded.generation, stored_at = now();

-- close_contracts --
-- Keep which contracts are closed; what is known stays as it is.
INSERT INTO closed_contracts (contract_id, closed_at)
SELECT * FROM unnest(CAST(:contract_ids AS text[]), CAST(:closed_at AS timestamptz[]))
    ON CONFLICT DO NOTHING;

-- read_heard_consents --
-- The list that was heard last.
SELECT key_id, body, signature FROM heard_consents;

-- keep_heard_consents --
-- Keep a list. No row: a later one is kept.
INSERT INTO heard_consents (key_id, body, signature, issued_at)
VALUES (:key_id, :body, :signature, :issued_at)
    ON CONFLICT (id) DO UPDATE
   SET key_id = excluded.key_id, body = excluded.body, signature = excluded.signature,
       issued_at = excluded.issued_at
 WHERE heard_consents.issued_at < excluded.issued_at;

-- note_put_state --
-- A long state is about to be put; put again, it is the same.
INSERT INTO put_states (blob_sha256, action_id, step) VALUES (:blob_sha256, :action_id, :step)
ON CONFLICT (blob_sha256) DO NOTHING;

-- settled_states --
-- Long states of long ago whose receipt is complete, or never came to be; with what the receipt holds.
SELECT p.blob_sha256, p.action_id, p.step, r.before_state, r.after_state
  FROM put_states p LEFT JOIN effect_receipts r ON r.action_id = p.action_id AND r.step = p.step
 WHERE p.put_at < now() - CAST(:keep AS interval) AND (r.action_id IS NULL OR r.completed_at IS NOT NULL)
 ORDER BY p.put_at LIMIT :most;

-- forget_put_states --
-- It is known what became of them.
DELETE FROM put_states WHERE blob_sha256 = ANY (CAST(:blobs AS text[]));
