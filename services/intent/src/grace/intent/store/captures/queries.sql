-- lock_missions --
-- The last mission of each fingerprint, open or lately closed; locked, so that none closes while it is counted on.
-- To ask no second question also what time it is, and the mark of the rules that shape the intake, null where none
-- does: a row without a mission where there is none.
WITH last AS (
       SELECT m.mission_id, m.fingerprint, m.closed_at, m.over_at, f.place
         FROM unnest((SELECT CAST(:fingerprints AS text[]))) WITH ORDINALITY AS f (fingerprint, place)
        CROSS JOIN LATERAL (
              SELECT mission_id, fingerprint, closed_at, over_at
                FROM missions
               WHERE missions.fingerprint = f.fingerprint
               ORDER BY captured_at DESC
               LIMIT 1
                 FOR UPDATE) m),
     newest AS (
       SELECT DISTINCT ON (p.name) p.name, p.content_hash, r.enabled, r.shapes
         FROM playbooks p
         JOIN trigger_rules r ON r.playbook = p.name AND r.playbook_version = p.version
        ORDER BY p.name, p.version DESC)
SELECT clock.*, last.*
  FROM (SELECT now() AS now,
               (SELECT md5(string_agg(content_hash, ' ' ORDER BY name)) FROM newest
                 WHERE enabled HAVING bool_or(shapes)) AS rules) AS clock
  LEFT JOIN last ON last.closed_at IS NULL OR last.closed_at > now() - CAST(:late_window AS interval)
 ORDER BY last.place;

-- capture_signals --
-- Count each group on the open mission of its fingerprint, or open one; the unique index decides between replicas.
-- Samples of what was reported are kept, as long as their mission has room for them. What came back is planned anew, and
-- what waited for another report: an attempt in hand that takes it for over is stale. After a decision `over_at` stays, and tells what came back since.
-- Who reported is kept, and when last; back come those who are new to a mission beside the one who opened it. Those who
-- are too many for a mission are one reporter without a source, whom nobody can say to be over.
WITH fresh AS (
       SELECT * FROM unnest(  -- (SELECT ..), here and below: planned once, not for each batch
              (SELECT CAST(:mission_ids AS text[])), CAST(:tenants AS text[]), CAST(:fingerprints AS text[]),
              CAST(:signal_ids AS uuid[]), CAST(:sources AS text[]), CAST(:kinds AS text[]), CAST(:targets AS text[]),
              CAST(:messages AS text[]), CAST(:severities AS text[]), CAST(:principals AS text[]),
              CAST(:intent_ids AS text[]), CAST(:detected_at AS timestamptz[]),
              CAST(:last_detected_at AS timestamptz[]), CAST(:counts AS integer[]),
              CAST(:last_signal_ids AS uuid[]), CAST(:last_issued_at AS timestamptz[]))
           AS f (mission_id, tenant_id, fingerprint, signal_id, source, kind, target, message, severity,
              requested_by, intent_id, detected_at, last_detected_at, signal_count, last_signal_id,
              last_issued_at)),
     counted AS (
       INSERT INTO missions (
              mission_id, tenant_id, fingerprint, signal_id, source, kind, target, message, severity, requested_by,
              intent_id, status, detected_at, last_detected_at, captured_at, signal_count, plan_after, recall_at,
              last_signal_id, last_issued_at)
       SELECT mission_id, tenant_id, fingerprint, signal_id, source, kind, target, message, severity, requested_by,
              intent_id, 'captured', detected_at, last_detected_at, now(), signal_count, now(),
              now() + CAST(:recall_after AS interval), last_signal_id, last_issued_at
         FROM fresh
        ORDER BY fingerprint
           ON CONFLICT (fingerprint) WHERE status <> 'closed'
           DO UPDATE SET signal_count = missions.signal_count + excluded.signal_count,
                         last_detected_at = greatest(missions.last_detected_at, excluded.last_detected_at),
                         last_signal_id = CASE WHEN missions.last_issued_at > excluded.last_issued_at
                                               THEN missions.last_signal_id ELSE excluded.last_signal_id END,
                         last_issued_at = greatest(missions.last_issued_at, excluded.last_issued_at),
                         plan_attempt = missions.plan_attempt + CASE WHEN missions.status = 'captured'
                              AND (excluded.last_detected_at > missions.over_at OR missions.hold = 'stale') THEN 1 ELSE 0 END,
                         plan_after = CASE WHEN missions.status = 'captured'
                              AND (excluded.last_detected_at > missions.over_at OR missions.hold = 'stale')
                              THEN now() ELSE missions.plan_after END,
                         over_at = CASE WHEN missions.status <> 'captured'
                              OR excluded.last_detected_at <= missions.over_at THEN missions.over_at END
       RETURNING *),
     samples AS (
       INSERT INTO signals (id, mission_id, source, message, severity, requested_by, details, detected_at, issued_at)
       SELECT s.id, counted.mission_id, s.source, s.message, s.severity, s.requested_by, s.details, s.detected_at,
              s.issued_at
         FROM unnest(
              (SELECT CAST(:sample_ids AS uuid[])), CAST(:sample_fingerprints AS text[]), CAST(:places AS integer[]),
              CAST(:sample_sources AS text[]), CAST(:sample_messages AS text[]), CAST(:sample_severities AS text[]),
              CAST(:sample_principals AS text[]), CAST(:details AS text[]), CAST(:sample_detected_at AS timestamptz[]),
              CAST(:issued_at AS timestamptz[]))
           AS s (id, fingerprint, place, source, message, severity, requested_by, details, detected_at, issued_at)
         JOIN counted USING (fingerprint)
         JOIN fresh USING (fingerprint)
        WHERE s.place <= CAST(:kept AS integer) - (counted.signal_count - fresh.signal_count)
           ON CONFLICT DO NOTHING),
     crowds AS MATERIALIZED (
       SELECT mission_id, fingerprint, requested_by,
              (SELECT count(*) FROM mission_reporters k WHERE k.mission_id = counted.mission_id) >= :most AS is_crowded
         FROM counted),
     told AS MATERIALIZED (  -- (SELECT .. LIMIT 1): looked up by the index, however young the table was at first
       SELECT c.mission_id, r.principal, r.source, r.instance, r.fired_at, r.sent_at,
              c.is_crowded AND (
                     SELECT true FROM mission_reporters k
                      WHERE (k.mission_id, k.principal, k.source, k.instance)
                          = (c.mission_id, r.principal, r.source, r.instance) LIMIT 1) IS NULL AS is_left_out,
              r.principal <> c.requested_by AND (
                     SELECT true FROM mission_reporters k
                      WHERE k.mission_id = c.mission_id AND k.principal = r.principal LIMIT 1) IS NULL AS has_joined
         FROM unnest(
              (SELECT CAST(:reported AS text[])), CAST(:reporters AS text[]), CAST(:reporter_sources AS text[]),
              CAST(:instances AS text[]), CAST(:fired_at AS timestamptz[]), CAST(:sent_at AS timestamptz[]))
           AS r (fingerprint, principal, source, instance, fired_at, sent_at)
         JOIN crowds c USING (fingerprint)),
     noted AS (
       INSERT INTO mission_reporters AS r (mission_id, principal, source, instance, fired_at, sent_at)
       SELECT mission_id, principal, CASE WHEN is_left_out THEN '' ELSE source END AS source,
              CASE WHEN is_left_out THEN '' ELSE instance END AS instance, max(fired_at), max(sent_at)
         FROM told
        GROUP BY 1, 2, 3, 4
           ON CONFLICT (mission_id, principal, source, instance)
           DO UPDATE SET fired_at = greatest(r.fired_at, excluded.fired_at),
                         sent_at = greatest(r.sent_at, excluded.sent_at))
SELECT counted.*, joined.principals AS joined
  FROM counted
  LEFT JOIN (SELECT mission_id, array_agg(DISTINCT principal) AS principals FROM told WHERE has_joined GROUP BY 1) AS joined
 USING (mission_id);

-- count_late --
-- Count signals on missions that have ended since they were sent.
UPDATE missions
   SET signal_count = missions.signal_count + late.signal_count,
       last_detected_at = greatest(missions.last_detected_at, late.last_detected_at)
  FROM unnest(CAST(:mission_ids AS text[]), CAST(:counts AS integer[]), CAST(:last_detected_at AS timestamptz[]))
    AS late (mission_id, signal_count, last_detected_at)
 WHERE missions.mission_id = late.mission_id
RETURNING missions.*;

-- keep_signals --
-- Keep samples of what was reported.
INSERT INTO signals (id, mission_id, source, message, severity, requested_by, details, detected_at, issued_at)
SELECT * FROM unnest(
       CAST(:ids AS uuid[]), CAST(:mission_ids AS text[]), CAST(:sources AS text[]), CAST(:messages AS text[]),
       CAST(:severities AS text[]), CAST(:principals AS text[]), CAST(:details AS text[]),
       CAST(:detected_at AS timestamptz[]), CAST(:issued_at AS timestamptz[]))
    ON CONFLICT DO NOTHING;
