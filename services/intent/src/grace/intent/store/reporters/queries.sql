-- renew_missions --
-- Missions whose error was over for all who reported it, and is not for somebody else: they are planned anew.
UPDATE missions m
   SET over_at = NULL, plan_after = now(), plan_attempt = plan_attempt + 1
 WHERE m.mission_id = ANY(CAST(:mission_ids AS text[])) AND m.status = (SELECT 'captured') AND m.over_at IS NOT NULL
   AND EXISTS (SELECT FROM mission_reporters r
                WHERE r.mission_id = m.mission_id AND (r.over_at IS NULL OR r.over_at < r.fired_at));

-- end_reports --
-- Sources say that errors are over, for one instance or for all of theirs; what they saw after that is not. A source is what
-- its sender claims: only who reported by it says so.
UPDATE mission_reporters r
   SET over_at = told.over_at
  FROM (SELECT k.mission_id, k.principal, k.source, k.instance, max(e.over_at) AS over_at
          FROM unnest(CAST(:fingerprints AS text[]), CAST(:principals AS text[]), CAST(:sources AS text[]),
                      CAST(:instances AS text[]), CAST(:over_at AS timestamptz[]))
            AS e (fingerprint, principal, source, instance, over_at)
          JOIN missions m ON m.fingerprint = e.fingerprint AND m.status <> 'closed'
          JOIN mission_reporters k ON k.mission_id = m.mission_id AND k.principal = e.principal AND k.source = e.source
           AND k.instance = coalesce(e.instance, k.instance) AND k.fired_at <= e.over_at
         GROUP BY k.mission_id, k.principal, k.source, k.instance) told
 WHERE (r.mission_id, r.principal, r.source, r.instance)
     = (told.mission_id, told.principal, told.source, told.instance)
   AND (r.over_at IS NULL OR r.over_at < told.over_at);

-- end_errors --
-- Errors that are over for everybody who reported them: what has no plan yet is planned no more, and an attempt in hand is
-- stale. A mission from before there were reporters goes by its last report.
UPDATE missions m
   SET over_at = ended.over_at, plan_after = now(), plan_attempt = plan_attempt + 1
  FROM (SELECT o.mission_id, coalesce(max(r.over_at), max(o.over_at)) AS over_at
          FROM (SELECT c.mission_id, max(c.last_detected_at) AS last_detected_at, max(e.over_at) AS over_at
                  FROM unnest(CAST(:fingerprints AS text[]), CAST(:over_at AS timestamptz[]))
                    AS e (fingerprint, over_at)
                  JOIN missions c ON c.fingerprint = e.fingerprint AND c.status = (SELECT 'captured')
                 GROUP BY c.mission_id) o
          LEFT JOIN mission_reporters r USING (mission_id)
         GROUP BY o.mission_id
        HAVING coalesce(bool_and(r.over_at >= r.fired_at) FILTER (WHERE r.mission_id IS NOT NULL),
                        max(o.last_detected_at) <= max(o.over_at))
           AND NOT coalesce(bool_or(r.over_at IS NULL) FILTER (WHERE r.mission_id IS NOT NULL), false)) ended
 WHERE m.mission_id = ended.mission_id AND m.status = (SELECT 'captured');

-- find_ends --
-- For which sources and instances the errors of some missions are over for all who reported by them, and since when.
SELECT mission_id, source, instance, min(over_at) AS over_at
  FROM mission_reporters
 WHERE mission_id = ANY(CAST(:mission_ids AS text[])) AND over_at >= fired_at
 GROUP BY mission_id, source, instance;

-- carry_reports --
-- What an end does not answer is reported for the next mission; return who is new to it beside the one who opens it.
WITH said AS (
       SELECT passed.next_id AS mission_id, r.principal, r.source, r.instance, r.fired_at, r.sent_at
         FROM unnest(CAST(:mission_ids AS text[]), CAST(:next_ids AS text[])) AS passed (mission_id, next_id)
         JOIN missions m USING (mission_id)
         JOIN mission_reporters r USING (mission_id)
        WHERE (r.over_at IS NULL OR r.over_at < r.fired_at) AND (m.over_at IS NOT NULL OR r.sent_at > m.closed_at)),
     noted AS (
       INSERT INTO mission_reporters (mission_id, principal, source, instance, fired_at, sent_at)
       SELECT * FROM said
           ON CONFLICT DO NOTHING)
SELECT DISTINCT m.tenant_id, m.mission_id, said.principal
  FROM said JOIN missions m USING (mission_id)
 WHERE said.principal <> m.requested_by;

-- mission_requesters --
-- Who asks for missions: who opened one, who reported its error, too, and who submitted intents that it answers.
SELECT mission_id, requested_by AS principal FROM missions WHERE mission_id = ANY(CAST(:mission_ids AS text[]))
 UNION
SELECT mission_id, principal FROM mission_reporters WHERE mission_id = ANY(CAST(:mission_ids AS text[]))
 UNION
SELECT mission_id, requested_by FROM intents WHERE mission_id = ANY(CAST(:mission_ids AS text[]));
