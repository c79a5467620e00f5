-- lock_windows --
-- When errors came that were too few for a mission, and who sent them; locked, so that every replica counts on the same.
INSERT INTO error_windows (fingerprint, times, expires_at)
SELECT fingerprint, '{}', now() FROM unnest(CAST(:fingerprints AS text[])) AS wanted (fingerprint)
 ORDER BY fingerprint
    ON CONFLICT (fingerprint) DO UPDATE SET times = error_windows.times
RETURNING fingerprint, times, reports;

-- store_windows --
-- What is to be remembered; nothing of those that opened a mission.
UPDATE error_windows w
   SET times = CAST(s.times AS timestamptz[]), reports = s.reports, expires_at = s.expires_at
  FROM unnest(CAST(:fingerprints AS text[]), CAST(:times AS text[]), CAST(:reports AS text[]),
              CAST(:expires_at AS timestamptz[]))
    AS s (fingerprint, times, reports, expires_at)
 WHERE w.fingerprint = s.fingerprint;

-- forget_windows --
-- Times that can count no more.
DELETE FROM error_windows WHERE expires_at < now() - interval '1 minute';

-- find_mission --
-- One mission.
SELECT * FROM missions WHERE mission_id = :mission_id;

-- close_missions --
-- Missions have ended: their fingerprints are free. No row: closed before, or never ours. With the evidence of the
-- last report and who answers for it, if it was kept; and whether somebody still reports it.
WITH ended AS (
       SELECT m.mission_id, e.outcome, e.closed_at, e.reason
         FROM missions m
         JOIN unnest((SELECT CAST(:mission_ids AS text[])), CAST(:outcomes AS text[]), CAST(:closed_at AS timestamptz[]),
                     CAST(:reasons AS text[]))  -- hidden from the planner: it would plan each end anew
           AS e (mission_id, outcome, closed_at, reason) USING (mission_id)
        WHERE m.status <> 'closed'
        ORDER BY m.fingerprint
          FOR UPDATE OF m)
UPDATE missions
   SET status = 'closed', outcome = ended.outcome, closed_at = least(ended.closed_at, now()),
       reason = coalesce(ended.reason, missions.reason)
  FROM ended
 WHERE missions.mission_id = ended.mission_id AND missions.status <> 'closed'
RETURNING missions.*, (SELECT details FROM signals WHERE signals.id = missions.last_signal_id) AS last_details,
          (SELECT requested_by FROM signals WHERE signals.id = missions.last_signal_id) AS last_requested_by,
          EXISTS (SELECT FROM mission_reporters r
                   WHERE r.mission_id = missions.mission_id
                     AND (r.over_at IS NULL OR r.over_at < r.fired_at)) AS still_reported;

-- reopen_missions --
-- Later looks found faults back; their ends stay as they are, whether they came before this or come after it. The last
-- look counts. No row: told before, or never ours.
WITH told AS (
       SELECT m.mission_id, r.reopened_at
         FROM missions m
         JOIN unnest(CAST(:mission_ids AS text[]), CAST(:reopened_at AS timestamptz[]))
           AS r (mission_id, reopened_at) USING (mission_id)
        WHERE m.reopened_at IS NULL OR m.reopened_at < r.reopened_at
        ORDER BY m.fingerprint
          FOR UPDATE OF m)
UPDATE missions
   SET reopened_at = told.reopened_at
  FROM told
 WHERE missions.mission_id = told.mission_id
   AND (missions.reopened_at IS NULL OR missions.reopened_at < told.reopened_at)
RETURNING missions.mission_id;

-- claim_captured --
-- Take captured errors that are due for planning; who claims has them until the lease ends. It waits for locked rows
-- where it might skip them: in a storm the row of its error is always locked, and that one must be planned.
WITH due AS (
       SELECT mission_id FROM missions
        WHERE status = 'captured' AND plan_after <= now()
        ORDER BY plan_after
        LIMIT :most),
     locked AS (
       SELECT m.mission_id FROM missions m JOIN due USING (mission_id)
        WHERE m.status = (SELECT 'captured') AND m.plan_after <= now()
        ORDER BY m.fingerprint
          FOR UPDATE OF m)
UPDATE missions
   SET plan_attempt = plan_attempt + 1, plan_after = now() + CAST(:lease AS interval)
  FROM locked
 WHERE missions.mission_id = locked.mission_id AND missions.status = (SELECT 'captured')
RETURNING missions.*;

-- find_histories --
-- What happened lately to the fingerprint of each mission, newest first, and when its target was last acted on.
SELECT m.mission_id, h.captured_at, h.playbook, h.playbook_version, h.outcome, h.released_at, h.reopened_at, h.source, (
       SELECT max(t.closed_at) FROM missions t
        WHERE t.tenant_id = m.tenant_id AND t.target = m.target
          AND t.outcome IN ('verified', 'failed', 'rolled_back', 'rollback_failed', 'inconclusive')) AS target_ended_at
  FROM missions m
 CROSS JOIN LATERAL (
       SELECT captured_at, playbook, playbook_version, outcome, released_at, reopened_at, source
         FROM missions e
        WHERE e.fingerprint = m.fingerprint AND e.captured_at > now() - CAST(:within AS interval)
        ORDER BY e.captured_at DESC
        LIMIT :most) h
 WHERE m.mission_id = ANY(CAST((SELECT CAST(:mission_ids AS text[])) AS text[]))  -- hidden, too
 ORDER BY m.mission_id, h.captured_at DESC;

-- settle_plans --
-- What was decided for a batch: a plan stands, none can, or it waits. No row: another attempt was faster, or the
-- mission has ended. Locked in the order in which the intake locks them, or the two would wait for each other.
WITH decided AS (
       SELECT * FROM unnest(
              CAST(:mission_ids AS text[]), CAST(:attempts AS integer[]), CAST(:statuses AS text[]),
              CAST(:plans AS bytea[]), CAST(:plan_hashes AS text[]), CAST(:playbooks AS text[]),
              CAST(:versions AS integer[]), CAST(:reasons AS text[]), CAST(:due AS timestamptz[]),
              CAST(:holds AS text[]), CAST(:until AS timestamptz[]), CAST(:considered AS text[]))
           AS d (mission_id, attempt, status, plan, plan_hash, playbook, playbook_version, reason, due, hold, until,
              considered)),
     locked AS (
       SELECT d.* FROM missions m JOIN decided d USING (mission_id)
        WHERE m.status = (SELECT 'captured') AND m.plan_attempt = d.attempt
        ORDER BY m.fingerprint
          FOR UPDATE OF m)
UPDATE missions m
   SET status = l.status, plan = l.plan, plan_hash = l.plan_hash, playbook = l.playbook,
       playbook_version = l.playbook_version, reason = l.reason, plan_after = coalesce(l.due, m.plan_after),
       planned_at = CASE l.status WHEN 'planned' THEN now() END,
       blocked_at = CASE l.status WHEN 'blocked' THEN now() END,
       hold = l.hold, held_until = l.until, considered = l.considered,
       held_at = CASE WHEN l.hold = m.hold THEN m.held_at WHEN l.hold IS NOT NULL THEN now() END
  FROM locked l
 WHERE m.mission_id = l.mission_id AND m.status = (SELECT 'captured') AND m.plan_attempt = l.attempt
RETURNING m.mission_id;

-- find_evidence --
-- What the first report of each mission has as evidence.
SELECT mission_id, details FROM signals WHERE id = ANY(CAST(:signal_ids AS uuid[]));

-- find_explanation --
-- What was decided about a mission, and what was considered for it.
SELECT mission_id, tenant_id, status, playbook, playbook_version, plan, reason, hold, held_until, considered, over_at
  FROM missions WHERE mission_id = :mission_id;

-- find_record --
-- One recorded mission, with the evidence of its first report and the hash of the text that it was planned by.
SELECT m.*, s.details, p.content_hash
  FROM missions m LEFT JOIN signals s ON s.id = m.signal_id
  LEFT JOIN playbooks p ON p.name = m.playbook AND p.version = m.playbook_version
 WHERE m.tenant_id = :tenant_id AND m.mission_id = :mission_id;

-- records_since --
-- The same of a tenant's, newest first; ids are in the order of time.
SELECT m.*, s.details, p.content_hash
  FROM missions m LEFT JOIN signals s ON s.id = m.signal_id
  LEFT JOIN playbooks p ON p.name = m.playbook AND p.version = m.playbook_version
 WHERE m.tenant_id = :tenant_id AND m.captured_at >= :since
 ORDER BY m.mission_id DESC
 LIMIT :most;

-- list_holds --
-- A page of missions whose plan waits, newest first.
SELECT * FROM missions
 WHERE tenant_id = :tenant_id AND status = 'captured' AND hold IS NOT NULL
   AND (CAST(:before AS text) IS NULL OR mission_id < :before)
 ORDER BY mission_id DESC
 LIMIT :most;

-- release_hold --
-- Somebody lets a mission go on: it is planned at once, and held again only by a freeze of later: an attempt in hand is
-- stale. No row: it is not held.
UPDATE missions
   SET hold = NULL, held_until = NULL, released_by = :released_by, released_at = now(), plan_after = now(),
       plan_attempt = plan_attempt + 1, reason = 'released by ' || :released_by
 WHERE mission_id = :mission_id AND tenant_id = :tenant_id AND status = (SELECT 'captured') AND hold IS NOT NULL
RETURNING *;

-- declare_freeze --
-- A new freeze.
INSERT INTO freezes (
       freeze_id, tenant_id, reason, mode, target, kind, environment, starts_at, ends_at, timezone, days, from_time,
       until_time, declared_by, declared_at)
VALUES (:freeze_id, :tenant_id, :reason, :mode, :target, :kind, :environment, :starts_at, :ends_at, :timezone, :days,
       :from_time, :until_time, :declared_by, now())
RETURNING *;

-- find_freeze --
-- One freeze of a tenant.
SELECT * FROM freezes WHERE tenant_id = :tenant_id AND freeze_id = :freeze_id;

-- end_freeze --
-- A freeze ends before its time. No row: it has ended, or there is none.
UPDATE freezes
   SET ended_at = now(), ended_by = :ended_by
 WHERE freeze_id = :freeze_id AND tenant_id = :tenant_id AND ended_at IS NULL
   AND (ends_at IS NULL OR ends_at > now())
RETURNING *;

-- thaw_missions --
-- What waits for a freeze is looked at again, and so is what is being decided on just now: it may have seen the freeze.
WITH locked AS (
       SELECT mission_id FROM missions
        WHERE tenant_id = :tenant_id AND status = 'captured' AND coalesce(hold, 'freeze') = 'freeze'
        ORDER BY fingerprint FOR UPDATE)
UPDATE missions m SET plan_after = now(), plan_attempt = plan_attempt + 1
  FROM locked WHERE m.mission_id = locked.mission_id AND m.status = (SELECT 'captured');

-- current_freezes --
-- Freezes that may be open now.
SELECT * FROM freezes
 WHERE tenant_id = ANY(CAST(:tenants AS text[])) AND ended_at IS NULL
   AND (ends_at IS NULL OR ends_at > now()) AND (starts_at IS NULL OR starts_at <= now());

-- list_freezes --
-- A page of freezes, newest first.
SELECT * FROM freezes
 WHERE tenant_id = :tenant_id AND (CAST(:before AS text) IS NULL OR freeze_id < :before)
 ORDER BY freeze_id DESC
 LIMIT :most;

-- claim_recalls --
-- Missions whose end has not come for long; asked less often each time. A row that is locked just now is not lost.
WITH due AS (
       SELECT mission_id FROM missions
        WHERE status <> 'closed' AND recall_at <= now()
        ORDER BY recall_at
        LIMIT :most
          FOR UPDATE SKIP LOCKED)
UPDATE missions
   SET recalls = missions.recalls + 1,
       recall_at = now() + least(CAST(:recall_after AS interval) * power(2, least(missions.recalls, 20)),
                                 CAST(:recall_at_most AS interval))
  FROM due
 WHERE missions.mission_id = due.mission_id AND missions.status <> (SELECT 'closed')
RETURNING missions.mission_id, missions.tenant_id;

-- lock_intake --
-- One batch of intents at a time: an id that two replicas take in at once opens one mission.
SELECT pg_advisory_xact_lock(hashtextextended('intent.intake', 0));

-- known_intents --
-- The intents that have one of these ids or one of these idempotency keys.
SELECT i.tenant_id, i.intent_id, i.body_hash, i.requested_by, i.idempotency_key
  FROM intents i
  JOIN unnest((SELECT CAST(:tenants AS text[])), CAST(:intent_ids AS text[])) AS asked (tenant_id, intent_id)
 USING (tenant_id, intent_id)
 UNION
SELECT i.tenant_id, i.intent_id, i.body_hash, i.requested_by, i.idempotency_key
  FROM intents i
  JOIN unnest((SELECT CAST(:tenants AS text[])), CAST(:principals AS text[]), CAST(:keys AS text[]))
    AS asked (tenant_id, requested_by, idempotency_key)
 USING (tenant_id, requested_by, idempotency_key);

-- insert_intents --
-- Keep what was asked for, with the mission that answers it.
INSERT INTO intents (
       tenant_id, intent_id, body_hash, idempotency_key, goal, domain, kind, target, priority, sla_ms, details,
       requested_by, mission_id, accepted_at)
SELECT *, now()
  FROM unnest(
       CAST(:tenants AS text[]), CAST(:intent_ids AS text[]), CAST(:body_hashes AS text[]), CAST(:keys AS text[]),
       CAST(:goals AS text[]), CAST(:domains AS text[]), CAST(:kinds AS text[]), CAST(:targets AS text[]),
       CAST(:priorities AS text[]), CAST(:sla_ms AS bigint[]), CAST(:details AS text[]),
       CAST(:principals AS text[]), CAST(:mission_ids AS text[]));

-- find_intents --
-- Submitted intents by their ids. (SELECT ..), here and below: planned once, not for each batch.
SELECT v.*, now() AS read_at
  FROM intent_views v
  JOIN unnest((SELECT CAST(:tenants AS text[])), CAST(:intent_ids AS text[])) AS asked (tenant_id, intent_id)
 USING (tenant_id, intent_id);

-- list_intents --
-- A page of intents, newest first; `before` is the last of the page before. What was verified and whose fault is back
-- is asked for as `reopened`.
SELECT v.*, now() AS read_at
  FROM intent_views v
 WHERE v.tenant_id = :tenant_id
   AND (CAST(:status AS text) IS NULL OR CAST(:status AS text) =
        CASE WHEN v.status = 'verified' AND v.reopened_at IS NOT NULL THEN 'reopened' ELSE v.status END)
   AND (CAST(:before AS text) IS NULL OR (v.accepted_at, v.intent_id) < (
        SELECT b.accepted_at, b.intent_id FROM intents b
         WHERE b.tenant_id = :tenant_id AND b.intent_id = :before))
 ORDER BY v.accepted_at DESC, v.intent_id DESC
 LIMIT :most;

-- pin_playbook --
-- Keep a version of a playbook; a version that is there stays as it is.
INSERT INTO playbooks (name, version, content_hash, source)
VALUES (:name, :version, :content_hash, :source)
    ON CONFLICT DO NOTHING;

-- find_pin --
-- The text that a version stands for.
SELECT content_hash FROM playbooks WHERE name = :name AND version = :version;

-- newest_version --
-- The newest version of a playbook; null where there is none.
SELECT max(version) FROM playbooks WHERE name = :name;

-- add_rule --
-- The trigger rule of a new version; an operator's change of `enabled` outlives restarts.
INSERT INTO trigger_rules (playbook, playbook_version, condition, priority, enabled, shapes)
VALUES (:name, :version, :condition, :priority, :enabled, :shapes)
    ON CONFLICT DO NOTHING;

-- active_playbooks --
-- The newest version of each playbook, where its rule is enabled; with the mark of all of them where one shapes the intake.
WITH active AS (
       SELECT * FROM (
              SELECT DISTINCT ON (p.name) p.name, p.source, p.content_hash, r.enabled, r.shapes
                FROM playbooks p
                JOIN trigger_rules r ON r.playbook = p.name AND r.playbook_version = p.version
               ORDER BY p.name, p.version DESC) newest
        WHERE enabled)
SELECT source, (SELECT md5(string_agg(content_hash, ' ' ORDER BY name)) FROM active HAVING bool_or(shapes)) AS mark
  FROM active
 ORDER BY name;
