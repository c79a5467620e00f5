-- start_runs --
-- Runs that have begun. No row for one that is over, or of another suite or target.
INSERT INTO stress_runs AS r (tenant_id, run_id, suite, target, status, started_at)
SELECT tenant_id, run_id, suite, target, 'running', started_at
  FROM unnest(CAST(:tenants AS text[]), CAST(:run_ids AS text[]), CAST(:suites AS text[]), CAST(:targets AS text[]),
              CAST(:started_at AS timestamptz[])) AS n (tenant_id, run_id, suite, target, started_at)
 ORDER BY tenant_id, run_id
    ON CONFLICT (tenant_id, run_id) DO UPDATE
   SET status = 'running', ended_at = NULL, started_at = excluded.started_at, heard_at = now()
 WHERE r.status IN ('running', 'lost') AND r.suite = excluded.suite AND r.target = excluded.target
RETURNING r.tenant_id, r.run_id;

-- sample_runs --
-- Runs as their newest sample shows them. No row for an older sample, an ended run, another suite or target.
INSERT INTO stress_runs AS r (tenant_id, run_id, suite, target, status, started_at, requests, errors, p50_ms, p99_ms,
                              mean_ms, last_sequence)
SELECT tenant_id, run_id, suite, target, 'running', at, requests, errors, p50_ms, p99_ms, mean_ms, sequence
  FROM unnest(CAST(:tenants AS text[]), CAST(:run_ids AS text[]), CAST(:suites AS text[]), CAST(:targets AS text[]),
              CAST(:sequences AS bigint[]), CAST(:at AS timestamptz[]), CAST(:requests AS bigint[]),
              CAST(:errors AS bigint[]), CAST(:p50_ms AS double precision[]), CAST(:p99_ms AS double precision[]),
              CAST(:mean_ms AS double precision[]))
       AS n (tenant_id, run_id, suite, target, sequence, at, requests, errors, p50_ms, p99_ms, mean_ms)
 ORDER BY tenant_id, run_id
    ON CONFLICT (tenant_id, run_id) DO UPDATE
   SET status = 'running', ended_at = NULL, heard_at = now(), requests = excluded.requests, errors = excluded.errors,
       p50_ms = excluded.p50_ms, p99_ms = excluded.p99_ms, mean_ms = excluded.mean_ms,
       last_sequence = excluded.last_sequence
 WHERE r.status IN ('running', 'lost') AND r.suite = excluded.suite AND r.target = excluded.target
   AND r.last_sequence < excluded.last_sequence
RETURNING r.tenant_id, r.run_id;

-- end_runs --
-- Runs that are over. No row for one that was over before: the first word counts.
INSERT INTO stress_runs AS r (tenant_id, run_id, suite, target, status, started_at, ended_at, requests, errors, p50_ms,
                              p99_ms, mean_ms, failure_kind, message)
SELECT *
  FROM unnest(CAST(:tenants AS text[]), CAST(:run_ids AS text[]), CAST(:suites AS text[]), CAST(:targets AS text[]),
              CAST(:statuses AS text[]), CAST(:started_at AS timestamptz[]), CAST(:ended_at AS timestamptz[]),
              CAST(:requests AS bigint[]), CAST(:errors AS bigint[]), CAST(:p50_ms AS double precision[]),
              CAST(:p99_ms AS double precision[]), CAST(:mean_ms AS double precision[]),
              CAST(:failure_kinds AS text[]), CAST(:messages AS text[])) AS n (tenant_id, run_id)
 ORDER BY tenant_id, run_id
    ON CONFLICT (tenant_id, run_id) DO UPDATE
   SET status = excluded.status, started_at = excluded.started_at, ended_at = excluded.ended_at, heard_at = now(),
       requests = excluded.requests, errors = excluded.errors, p50_ms = excluded.p50_ms, p99_ms = excluded.p99_ms,
       mean_ms = excluded.mean_ms, failure_kind = excluded.failure_kind, message = excluded.message
 WHERE r.status IN ('running', 'lost') AND r.suite = excluded.suite AND r.target = excluded.target
RETURNING r.tenant_id, r.run_id;

-- find_subjects --
-- What runs are about. No row for a run that nobody has told of.
SELECT r.tenant_id, r.run_id, r.suite, r.target
  FROM stress_runs AS r
  JOIN unnest(CAST(:tenants AS text[]), CAST(:run_ids AS text[])) AS n (tenant_id, run_id)
    ON r.tenant_id = n.tenant_id AND r.run_id = n.run_id;

-- add_samples --
-- Keep samples; the same number of a run is the same sample.
INSERT INTO stress_samples (tenant_id, run_id, sequence, at, requests, errors, p50_ms, p99_ms, mean_ms)
SELECT * FROM unnest(
       CAST(:tenants AS text[]), CAST(:run_ids AS text[]), CAST(:sequences AS bigint[]), CAST(:at AS timestamptz[]),
       CAST(:requests AS bigint[]), CAST(:errors AS bigint[]), CAST(:p50_ms AS double precision[]),
       CAST(:p99_ms AS double precision[]), CAST(:mean_ms AS double precision[]))
    ON CONFLICT DO NOTHING;

-- lose_runs --
-- Runs that were not heard of for too long.
UPDATE stress_runs SET status = 'lost', ended_at = now()
 WHERE status = 'running' AND heard_at < now() - CAST(:silence AS interval)
RETURNING tenant_id, run_id, suite;

-- current_runs --
-- The runs that go on, then the last finished one of each suite, the newest first.
SELECT r.*, (SELECT count(*) FROM stress_samples AS s WHERE s.tenant_id = r.tenant_id AND s.run_id = r.run_id) AS samples
  FROM ((SELECT * FROM stress_runs
          WHERE tenant_id = :tenant AND status = 'running' AND (CAST(:suite AS text) IS NULL OR suite = :suite)
          ORDER BY heard_at DESC LIMIT :most)
        UNION ALL
        (SELECT DISTINCT ON (suite) * FROM stress_runs
          WHERE tenant_id = :tenant AND status <> 'running' AND (CAST(:suite AS text) IS NULL OR suite = :suite)
          ORDER BY suite, ended_at DESC, run_id DESC)) AS r
 ORDER BY r.status = 'running' DESC, r.started_at DESC, r.run_id DESC
 LIMIT :most;

-- finished_runs --
-- The last finished runs of the suites that ended last, in the order of their ends.
SELECT r.*
  FROM (SELECT suite FROM stress_runs
         WHERE tenant_id = :tenant AND status <> 'running' AND (CAST(:suite AS text) IS NULL OR suite = :suite)
         GROUP BY suite ORDER BY max(ended_at) DESC, suite LIMIT :suites) AS s
 CROSS JOIN LATERAL (
       SELECT suite, run_id, status, ended_at, requests, errors, p50_ms, p99_ms, mean_ms
         FROM stress_runs
        WHERE tenant_id = :tenant AND suite = s.suite AND status <> 'running'
        ORDER BY ended_at DESC, run_id DESC LIMIT :runs) AS r
 ORDER BY r.suite, r.ended_at, r.run_id;

-- last_failures --
-- Of each suite whose last finished run is recent or has an open alert: how many of its last ones failed in a row.
SELECT s.tenant_id, s.suite, count(*) FILTER (WHERE l.unbroken) AS in_a_row,
       max(l.told) FILTER (WHERE l.place = 1) AS message
  FROM (SELECT DISTINCT tenant_id, suite FROM stress_runs
         WHERE status <> 'running' AND heard_at > now() - CAST(:recent AS interval)
         UNION SELECT tenant_id, subject FROM alerts WHERE status = 'open' AND kind = :kind) AS s
 CROSS JOIN LATERAL (
       SELECT row_number() OVER latest AS place,
              bool_and(status <> 'passed') OVER latest AS unbroken,
              format('run %s on %s is %s', run_id, target, status)
              || coalesce(': ' || coalesce(failure_kind, message), '') AS told
         FROM (SELECT * FROM stress_runs
                WHERE tenant_id = s.tenant_id AND suite = s.suite AND status <> 'running'
                ORDER BY ended_at DESC, run_id DESC LIMIT :runs) AS newest
       WINDOW latest AS (ORDER BY ended_at DESC, run_id DESC)) AS l
 GROUP BY s.tenant_id, s.suite;

-- prune_samples --
-- Drop some single samples that are long over: all at once may be more than one statement has time for, every time anew.
DELETE FROM stress_samples
 WHERE (tenant_id, run_id, sequence) IN (
       SELECT tenant_id, run_id, sequence FROM stress_samples
        WHERE stored_at < now() - CAST(:retention AS interval)
        ORDER BY stored_at LIMIT :most FOR UPDATE SKIP LOCKED);

-- prune_runs --
-- Drop finished runs that are long over, but for the last one of each suite.
DELETE FROM stress_runs AS r
 WHERE r.status <> 'running' AND r.heard_at < now() - CAST(:retention AS interval)
   AND EXISTS (SELECT FROM stress_runs AS later
                WHERE later.tenant_id = r.tenant_id AND later.suite = r.suite AND later.status <> 'running'
                  AND (later.ended_at, later.run_id) > (r.ended_at, r.run_id));

-- prune_alerts --
-- Drop what was resolved long ago.
DELETE FROM alerts WHERE status = 'resolved' AND resolved_at < now() - CAST(:retention AS interval);

-- store_beats --
-- The newest beat of each process; one that was heard earlier changes nothing. What lies ahead was heard before the
-- clock was set back.
INSERT INTO service_beats AS b (service, instance, version, ready, problems, quarantined, outbox_lag_ms, beat_interval,
                                heard_at)
SELECT service, instance, version, ready, ARRAY(SELECT jsonb_array_elements_text(problems)), quarantined, outbox_lag_ms,
       beat_interval, now() - age
  FROM unnest(CAST(:services AS text[]), CAST(:instances AS text[]), CAST(:versions AS text[]),
              CAST(:ready AS boolean[]), CAST(:problems AS jsonb[]), CAST(:quarantined AS bigint[]),
              CAST(:lags AS bigint[]), CAST(:intervals AS interval[]), CAST(:ages AS interval[]))
       AS n (service, instance, version, ready, problems, quarantined, outbox_lag_ms, beat_interval, age)
 ORDER BY service, instance
    ON CONFLICT (service, instance) DO UPDATE
   SET ready = excluded.ready, problems = excluded.problems, quarantined = excluded.quarantined,
       outbox_lag_ms = excluded.outbox_lag_ms, beat_interval = excluded.beat_interval, heard_at = excluded.heard_at
 WHERE b.heard_at < excluded.heard_at OR b.heard_at > now();

-- read_beats --
-- The last beat of every process, with how many of its intervals have passed since. One that lies ahead was heard before
-- the clock was set back, who knows when: nobody is in time by it.
SELECT service, instance, version, ready, problems, quarantined, outbox_lag_ms, heard_at,
       abs(extract(epoch FROM now() - heard_at)) / extract(epoch FROM beat_interval) AS missed
  FROM service_beats;

-- forget_beats --
-- Drop processes that ended long ago.
DELETE FROM service_beats WHERE heard_at < now() - CAST(:retention AS interval);

-- read_marks --
-- Where the windows of the growth of quarantines stand.
SELECT service, mark, marked_at, grown FROM quarantine_marks;

-- move_marks --
-- Windows as they are now. Two replicas may both move one: the later word counts, and both are true.
INSERT INTO quarantine_marks AS m (service, mark, marked_at, grown)
SELECT * FROM unnest(CAST(:services AS text[]), CAST(:marks AS bigint[]), CAST(:marked_at AS timestamptz[]),
                     CAST(:grown AS bigint[])) AS n (service, mark, marked_at, grown)
 ORDER BY service
    ON CONFLICT (service) DO UPDATE
   SET mark = excluded.mark, marked_at = excluded.marked_at, grown = excluded.grown
 WHERE m.marked_at <= excluded.marked_at OR m.marked_at > now();

-- open_alerts --
-- Every alert that is open.
SELECT * FROM alerts WHERE status = 'open' ORDER BY alert_id;

-- raise_alerts --
-- New alerts. No row where somebody else has just raised the same.
INSERT INTO alerts (alert_id, tenant_id, kind, subject, severity, status, message, value, threshold)
SELECT alert_id, tenant_id, kind, subject, severity, 'open', message, value, threshold
  FROM unnest(CAST(:ids AS text[]), CAST(:tenants AS text[]), CAST(:kinds AS text[]), CAST(:subjects AS text[]),
              CAST(:severities AS text[]), CAST(:messages AS text[]), CAST(:amounts AS double precision[]),
              CAST(:thresholds AS double precision[]))
       AS n (alert_id, tenant_id, kind, subject, severity, message, value, threshold)
 ORDER BY tenant_id, kind, subject
    ON CONFLICT (tenant_id, kind, subject) WHERE status = 'open' DO NOTHING
RETURNING *;

-- see_alerts --
-- Alerts whose condition still holds, with what was measured now.
UPDATE alerts AS a
   SET severity = n.severity, message = n.message, value = n.value, seen_at = now()
  FROM unnest(CAST(:ids AS text[]), CAST(:severities AS text[]), CAST(:messages AS text[]),
              CAST(:amounts AS double precision[])) AS n (alert_id, severity, message, value)
 WHERE a.alert_id = n.alert_id AND a.status = 'open';

-- resolve_alerts --
-- Alerts whose condition has ceased. No row where it is resolved already.
UPDATE alerts AS a
   SET status = 'resolved', value = n.value, resolved_at = now()
  FROM unnest(CAST(:ids AS text[]), CAST(:amounts AS double precision[])) AS n (alert_id, value)
 WHERE a.alert_id = n.alert_id AND a.status = 'open'
RETURNING a.*;

-- list_alerts --
-- A tenant's alerts and those of the installation, the newest first.
SELECT * FROM alerts
 WHERE (tenant_id = :tenant OR (tenant_id = :installation AND kind = ANY(CAST(:kinds AS text[]))))
   AND (CAST(:status AS text) IS NULL OR status = :status)
   AND (CAST(:before AS text) IS NULL OR alert_id < :before)
 ORDER BY alert_id DESC
 LIMIT :most;

-- count_alerts --
-- How many alerts of each severity are open for a tenant.
SELECT severity, count(*) AS alerts FROM alerts
 WHERE (tenant_id = :tenant OR (tenant_id = :installation AND kind = ANY(CAST(:kinds AS text[])))) AND status = 'open'
 GROUP BY severity;

-- add_remediations --
-- Failed runs that somebody could act on, each once.
INSERT INTO remediations (remediation_id, tenant_id, run_id, suite, kind, target, status, failed_at)
SELECT remediation_id, tenant_id, run_id, suite, kind, target, 'due', failed_at
  FROM unnest(CAST(:ids AS text[]), CAST(:tenants AS text[]), CAST(:run_ids AS text[]), CAST(:suites AS text[]),
              CAST(:kinds AS text[]), CAST(:targets AS text[]), CAST(:failed_at AS timestamptz[]))
       AS n (remediation_id, tenant_id, run_id, suite, kind, target, failed_at)
    ON CONFLICT (tenant_id, run_id) DO NOTHING;

-- claim_remediations --
-- Take some of a status in hand, those asked about longest ago first.
UPDATE remediations AS r SET asked_at = now()
  FROM (SELECT remediation_id FROM remediations WHERE status = :status
         ORDER BY asked_at LIMIT :most FOR UPDATE SKIP LOCKED) AS due
 WHERE r.remediation_id = due.remediation_id
RETURNING r.*;

-- submit_remediations --
-- These become intents. No row for one that another replica has submitted or skipped.
UPDATE remediations SET status = 'open', submitted_at = now()
 WHERE remediation_id = ANY(CAST(:ids AS text[])) AND status = 'due'
RETURNING *;

-- skip_remediations --
-- These do not become intents, each for its reason.
UPDATE remediations AS r SET status = 'skipped', closed_at = now(), reason = n.reason
  FROM unnest(CAST(:ids AS text[]), CAST(:reasons AS text[])) AS n (remediation_id, reason)
 WHERE r.remediation_id = n.remediation_id AND r.status = 'due';

-- assign_missions --
-- The missions that intent has given to remediations.
UPDATE remediations AS r SET mission_id = n.mission_id
  FROM unnest(CAST(:ids AS text[]), CAST(:missions AS text[])) AS n (remediation_id, mission_id)
 WHERE r.remediation_id = n.remediation_id AND r.status = 'open';

-- close_remediations --
-- These have ended. No row for one that has ended before.
UPDATE remediations AS r SET status = n.status, outcome = n.outcome, reason = n.reason, closed_at = now()
  FROM unnest(CAST(:ids AS text[]), CAST(:statuses AS text[]), CAST(:outcomes AS text[]), CAST(:reasons AS text[]))
       AS n (remediation_id, status, outcome, reason)
 WHERE r.remediation_id = n.remediation_id AND r.status = 'open'
RETURNING r.remediation_id, r.status;

-- reopen_remediations --
-- Later looks found the faults of these missions back: no success, even where the end has not come yet. No row for one
-- that has failed before.
UPDATE remediations AS r
   SET status = 'failed', outcome = :outcome, reason = n.reason, closed_at = coalesce(r.closed_at, now())
  FROM unnest(CAST(:missions AS text[]), CAST(:reasons AS text[])) AS n (mission_id, reason)
 WHERE r.mission_id = n.mission_id AND r.status IN ('open', 'verified')
RETURNING r.remediation_id, r.status;

-- remediations_of_missions --
-- Open remediations whose mission is known.
SELECT * FROM remediations
 WHERE mission_id = ANY(CAST(:missions AS text[])) AND status = 'open';

-- count_remediations --
-- How many of a tenant's remediations stand where.
SELECT status, count(*) AS remediations FROM remediations WHERE tenant_id = :tenant GROUP BY status;

-- list_remediations --
-- A tenant's newest remediations.
SELECT * FROM remediations WHERE tenant_id = :tenant ORDER BY remediation_id DESC LIMIT :most;
