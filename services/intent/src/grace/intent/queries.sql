-- lock_missions --
-- The last mission of each fingerprint, open or lately closed; locked, so that none closes while it is counted on.
SELECT m.mission_id, m.fingerprint, m.closed_at
  FROM unnest(CAST(:fingerprints AS text[])) WITH ORDINALITY AS f (fingerprint, place)
 CROSS JOIN LATERAL (
       SELECT mission_id, fingerprint, closed_at
         FROM intents
        WHERE intents.fingerprint = f.fingerprint
        ORDER BY captured_at DESC
        LIMIT 1
          FOR UPDATE) m
 WHERE m.closed_at IS NULL OR m.closed_at > now() - CAST(:late_window AS interval)
 ORDER BY f.place;

-- capture_signals --
-- Count each group on the open mission of its fingerprint, or open one; the unique index decides between replicas.
INSERT INTO intents (
       mission_id, tenant_id, fingerprint, signal_id, source, kind, target, message, severity, requested_by,
       status, detected_at, last_detected_at, captured_at, signal_count, plan_after)
SELECT mission_id, tenant_id, fingerprint, signal_id, source, kind, target, message, severity, requested_by,
       'captured', detected_at, last_detected_at, now(), signal_count, now()
  FROM unnest(
       CAST(:mission_ids AS text[]), CAST(:tenants AS text[]), CAST(:fingerprints AS text[]),
       CAST(:signal_ids AS uuid[]), CAST(:sources AS text[]), CAST(:kinds AS text[]), CAST(:targets AS text[]),
       CAST(:messages AS text[]), CAST(:severities AS text[]), CAST(:principals AS text[]),
       CAST(:detected_at AS timestamptz[]), CAST(:last_detected_at AS timestamptz[]), CAST(:counts AS integer[]))
    AS fresh (mission_id, tenant_id, fingerprint, signal_id, source, kind, target, message, severity, requested_by,
       detected_at, last_detected_at, signal_count)
 ORDER BY fingerprint
    ON CONFLICT (fingerprint) WHERE status <> 'closed'
    DO UPDATE SET signal_count = intents.signal_count + excluded.signal_count,
                  last_detected_at = greatest(intents.last_detected_at, excluded.last_detected_at)
RETURNING *;

-- count_late --
-- Count signals on missions that have ended since they were sent.
UPDATE intents
   SET signal_count = intents.signal_count + late.signal_count,
       last_detected_at = greatest(intents.last_detected_at, late.last_detected_at)
  FROM unnest(CAST(:mission_ids AS text[]), CAST(:counts AS integer[]), CAST(:last_detected_at AS timestamptz[]))
    AS late (mission_id, signal_count, last_detected_at)
 WHERE intents.mission_id = late.mission_id
RETURNING intents.*;

-- keep_signals --
-- Keep samples of what was reported.
INSERT INTO signals (id, mission_id, source, message, severity, requested_by, details, detected_at, issued_at)
SELECT * FROM unnest(
       CAST(:ids AS uuid[]), CAST(:mission_ids AS text[]), CAST(:sources AS text[]), CAST(:messages AS text[]),
       CAST(:severities AS text[]), CAST(:principals AS text[]), CAST(:details AS text[]),
       CAST(:detected_at AS timestamptz[]), CAST(:issued_at AS timestamptz[]))
    ON CONFLICT DO NOTHING;

-- find_intent --
-- One mission.
SELECT * FROM intents WHERE mission_id = :mission_id;

-- close_missions --
-- Missions have ended: their fingerprints are free. No row: closed before, or never ours.
WITH ended AS (
       SELECT i.mission_id, e.outcome, e.closed_at
         FROM intents i
         JOIN unnest(CAST(:mission_ids AS text[]), CAST(:outcomes AS text[]), CAST(:closed_at AS timestamptz[]))
           AS e (mission_id, outcome, closed_at) USING (mission_id)
        WHERE i.status <> 'closed'
        ORDER BY i.fingerprint
          FOR UPDATE OF i)
UPDATE intents
   SET status = 'closed', outcome = ended.outcome, closed_at = least(ended.closed_at, now())
  FROM ended
 WHERE intents.mission_id = ended.mission_id AND intents.status <> 'closed'
RETURNING intents.mission_id;

-- claim_captured --
-- Take captured errors that are due for planning; who claims has them until the lease ends. It waits for locked rows
-- where it might skip them: in a storm the row of its error is always locked, and that one must be planned.
WITH due AS (
       SELECT mission_id FROM intents
        WHERE status = 'captured' AND plan_after <= now()
        ORDER BY plan_after
        LIMIT :most),
     locked AS (
       SELECT i.mission_id FROM intents i JOIN due USING (mission_id)
        WHERE i.status = 'captured' AND i.plan_after <= now()
        ORDER BY i.fingerprint
          FOR UPDATE OF i)
UPDATE intents
   SET plan_attempt = plan_attempt + 1, plan_after = now() + CAST(:lease AS interval)
  FROM locked
 WHERE intents.mission_id = locked.mission_id AND intents.status = 'captured'
RETURNING intents.*;

-- finish_plan --
-- The plan stands. No row: another attempt was faster, or the mission has ended.
UPDATE intents
   SET status = 'planned', plan = :plan, plan_hash = :plan_hash, playbook = :playbook,
       playbook_version = :playbook_version, planned_at = now(), reason = NULL
 WHERE mission_id = :mission_id AND status = 'captured' AND plan_attempt = :attempt
RETURNING mission_id;

-- block_plan --
-- No playbook can answer. No row: another attempt was faster, or the mission has ended.
UPDATE intents
   SET status = 'blocked', reason = :reason, blocked_at = now()
 WHERE mission_id = :mission_id AND status = 'captured' AND plan_attempt = :attempt
RETURNING mission_id;

-- postpone_plan --
-- Nobody could say whether the plan would run: try again later, and show why.
UPDATE intents
   SET plan_after = now() + CAST(:delay AS interval), reason = :reason
 WHERE mission_id = :mission_id AND status = 'captured' AND plan_attempt = :attempt
RETURNING mission_id;

-- pin_playbook --
-- Keep a version of a playbook; a version that is there stays as it is.
INSERT INTO playbooks (name, version, content_hash, source)
VALUES (:name, :version, :content_hash, :source)
    ON CONFLICT DO NOTHING;

-- find_pin --
-- The text that a version stands for.
SELECT content_hash FROM playbooks WHERE name = :name AND version = :version;

-- add_rule --
-- The trigger rule of a new version; an operator's change of `enabled` outlives restarts.
INSERT INTO trigger_rules (playbook, playbook_version, condition, priority, enabled)
VALUES (:name, :version, :condition, :priority, :enabled)
    ON CONFLICT DO NOTHING;

-- active_playbooks --
-- The newest version of each playbook, where its rule is enabled.
SELECT source FROM (
       SELECT DISTINCT ON (p.name) p.name, p.source, r.enabled
         FROM playbooks p
         JOIN trigger_rules r ON r.playbook = p.name AND r.playbook_version = p.version
        ORDER BY p.name, p.version DESC) newest
 WHERE enabled
 ORDER BY name;
