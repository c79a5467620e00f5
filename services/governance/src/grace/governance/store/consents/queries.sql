-- insert_consent --
-- Ask for a consent. No row: the very same is asked for already.
INSERT INTO secret_consents (
    consent_id, tenant_id, secret, operation, target, target_class, status, one_time, asked_by,
    asked_at, reason, lifetime, mission_id
)
VALUES (
    :consent_id, :tenant_id, :secret, :operation, :target, :target_class, 'asked', :one_time,
    :asked_by, :asked_at, :reason, :lifetime, :mission_id
)
    ON CONFLICT DO NOTHING
RETURNING consent_id;

-- find_consent --
-- One consent of a tenant.
SELECT consent_id, tenant_id, every_tenant, secret, operation, target, target_class, status,
       one_time, asked_by, asked_at, reason, lifetime, mission_id, decided_by, decided_at, note,
       expires_at, used_by, used_at, revoked_by, revoked_at
  FROM secret_consents
 WHERE tenant_id = :tenant_id AND consent_id = :consent_id;

-- lock_consent --
-- The same, locked until the transaction ends.
SELECT consent_id, tenant_id, every_tenant, secret, operation, target, target_class, status,
       one_time, asked_by, asked_at, reason, lifetime, mission_id, decided_by, decided_at, note,
       expires_at, used_by, used_at, revoked_by, revoked_at
  FROM secret_consents
 WHERE tenant_id = :tenant_id AND consent_id = :consent_id
   FOR UPDATE;

-- list_consents --
-- A page of a tenant's consents and of those for everybody, newest first.
SELECT consent_id, tenant_id, every_tenant, secret, operation, target, target_class, status,
       one_time, asked_by, asked_at, reason, lifetime, mission_id, decided_by, decided_at, note,
       expires_at, used_by, used_at, revoked_by, revoked_at
  FROM secret_consents
 WHERE (tenant_id = :tenant_id OR every_tenant)
   AND (CAST(:status AS text) IS NULL
        OR CASE WHEN status = 'open' AND expires_at <= :now THEN 'expired' ELSE status END = :status)
   AND (CAST(:before AS text) IS NULL OR consent_id < :before)
 ORDER BY consent_id DESC
 LIMIT :limit;

-- count_ending_consents --
-- Consents that end soon, were given for at least twice as long, and that no later one takes the place of.
SELECT count(*)
  FROM secret_consents c
 WHERE status = 'open' AND NOT one_time
   AND expires_at BETWEEN now() AND now() + CAST(:within AS interval)
   AND expires_at - decided_at >= 2 * CAST(:within AS interval)
   AND NOT EXISTS (
           SELECT FROM secret_consents n
            WHERE n.status = 'open' AND NOT n.one_time AND n.tenant_id = c.tenant_id
              AND n.secret = c.secret AND n.operation = c.operation
              AND n.target IS NOT DISTINCT FROM c.target
              AND n.target_class IS NOT DISTINCT FROM c.target_class
              AND (n.expires_at IS NULL OR n.expires_at > now() + CAST(:within AS interval)));

-- held_consents --
-- What workers hear: all that hold, and what ended lately, under which something may have begun. One row
-- at least, for the time of the list.
SELECT now() AS at, consent_id, CASE WHEN every_tenant THEN NULL ELSE tenant_id END AS tenant_id,
       secret, operation, target, target_class, one_time, expires_at, used_by
  FROM (SELECT) AS one
  LEFT JOIN LATERAL (
           SELECT *
             FROM secret_consents
            WHERE status IN ('open', 'used')
              AND (expires_at IS NULL OR expires_at > now() - CAST(:kept AS interval))
            ORDER BY consent_id DESC
            LIMIT :most
       ) AS held ON true;

-- lock_held --
-- Who adds to what workers hear does so alone: it must fit one message.
SELECT pg_advisory_xact_lock(hashtextextended('grace.governance.consents', 0));

-- count_held --
-- How many workers hear of.
SELECT count(*) FROM secret_consents
 WHERE status IN ('open', 'used')
   AND (expires_at IS NULL OR expires_at > now() - CAST(:kept AS interval));

-- decide_consent --
-- A person consents or refuses. No row: somebody decided before.
UPDATE secret_consents
   SET status = :status, decided_by = :decided_by, decided_at = :now,
       note = :note, expires_at = CASE WHEN :status = 'open' THEN CAST(:now AS timestamptz) + lifetime END
 WHERE consent_id = :consent_id AND status = (SELECT 'asked');

-- use_consent --
-- Take a one-time consent for one contract, again for the same. No row: it is another's, or over.
UPDATE secret_consents
   SET status = 'used', used_by = :used_by, used_at = :now
 WHERE consent_id = :consent_id AND one_time AND expires_at > :now AND status = 'open'
RETURNING consent_id, tenant_id, every_tenant, secret, operation, target, target_class, status,
          one_time, asked_by, asked_at, reason, lifetime, mission_id, decided_by, decided_at,
          note, expires_at, used_by, used_at, revoked_by, revoked_at;

-- revoke_consent --
-- Take a consent back. No row: it was taken back, or refused, before.
UPDATE secret_consents
   SET status = 'revoked', revoked_by = :revoked_by, revoked_at = :now
 WHERE tenant_id = :tenant_id AND consent_id = :consent_id AND status IN ('asked', 'open', 'used');

-- note_refused_mission --
-- A mission waits for what is asked for already, by a worker or by a person. No row: decided meanwhile, or known.
INSERT INTO consent_missions (consent_id, mission_id)
SELECT consent_id, :mission_id
  FROM secret_consents
 WHERE tenant_id = :tenant_id AND secret = :secret AND operation = :operation AND status = 'asked'
   AND coalesce(target, '') = coalesce(:target, '') AND coalesce(target_class, '') = coalesce(:target_class, '')
    ON CONFLICT DO NOTHING;

-- consent_askers --
-- Who wants the missions that wait for a consent: the requesters of their plans, and who submitted intents that follow
-- them or reported their errors, too. They wait for it also where a question that it would answer was asked for them.
WITH answered AS (
       SELECT w.consent_id, w.mission_id
         FROM secret_consents c
         JOIN secret_consents w ON w.tenant_id = c.tenant_id
        WHERE c.consent_id = :consent_id
          AND (w.consent_id = c.consent_id
               OR c.secret IN (w.secret, 'own')
              AND c.operation IN (w.operation, split_part(w.operation, '.', 1) || '.*')
              AND (c.target = w.target OR c.target_class IN (w.target_class, split_part(w.operation, '.', 1)))
              AND (w.decided_at IS NULL OR w.decided_at >= c.asked_at))
), refused AS (
       SELECT m.mission_id FROM consent_missions m JOIN answered USING (consent_id)
        UNION
       SELECT mission_id FROM answered)
SELECT requested_by AS principal FROM approval_requests JOIN refused USING (mission_id)
 WHERE tenant_id = :tenant_id
 UNION
SELECT principal FROM mission_requesters JOIN refused USING (mission_id)
 WHERE tenant_id = :tenant_id;
