-- follow_loads --
-- Loads follow each other: each then sees all that was loaded before, and marks what it changes of it.
SELECT pg_advisory_xact_lock(hashtextextended('observability.cube', 0));

-- know_names --
-- The members of dimensions, where they are new.
WITH services AS (
     INSERT INTO dim_service (name) SELECT DISTINCT n FROM unnest(CAST(:services AS text[])) AS n
      WHERE NOT EXISTS (SELECT FROM dim_service AS d WHERE d.name = n) ORDER BY n ON CONFLICT DO NOTHING),
     playbooks AS (
     INSERT INTO dim_playbook (name) SELECT DISTINCT n FROM unnest(CAST(:playbooks AS text[])) AS n
      WHERE NOT EXISTS (SELECT FROM dim_playbook AS d WHERE d.name = n) ORDER BY n ON CONFLICT DO NOTHING),
     operations AS (
     INSERT INTO dim_operation (name) SELECT DISTINCT n FROM unnest(CAST(:operations AS text[])) AS n
      WHERE NOT EXISTS (SELECT FROM dim_operation AS d WHERE d.name = n) ORDER BY n ON CONFLICT DO NOTHING),
     origins AS (
     INSERT INTO dim_origin (name) SELECT DISTINCT n FROM unnest(CAST(:origins AS text[])) AS n
      WHERE NOT EXISTS (SELECT FROM dim_origin AS d WHERE d.name = n) ORDER BY n ON CONFLICT DO NOTHING)
INSERT INTO dim_time (hour, day, hour_of_day, weekday, month, year)
SELECT h, CAST(h AT TIME ZONE 'UTC' AS date), extract(hour FROM h AT TIME ZONE 'UTC'),
       extract(isodow FROM h AT TIME ZONE 'UTC'), extract(month FROM h AT TIME ZONE 'UTC'),
       extract(year FROM h AT TIME ZONE 'UTC')
  FROM (SELECT DISTINCT date_trunc('hour', t, 'UTC') AS h FROM unnest(CAST(:times AS timestamptz[])) AS t) AS hours
 ORDER BY h
    ON CONFLICT DO NOTHING;

-- load_missions --
-- What missions are about. Facts that came before theirs are counted anew.
WITH given AS (
     SELECT * FROM unnest(CAST(:tenants AS text[]), CAST(:missions AS text[]), CAST(:services AS text[]),
                          CAST(:origins AS text[]), CAST(:captured_at AS timestamptz[]))
                   AS g (tenant_id, mission_id, service, origin, captured_at)),
     kept AS (
     INSERT INTO cube_missions (tenant_id, mission_id, service_id, origin_id, captured_at)
     SELECT g.tenant_id, g.mission_id, s.service_id, o.origin_id, g.captured_at
       FROM given AS g JOIN dim_service AS s ON s.name = g.service JOIN dim_origin AS o ON o.name = g.origin
      ORDER BY 1, 2
         ON CONFLICT DO NOTHING
     RETURNING tenant_id, mission_id),
     due AS (
     INSERT INTO cube_due AS d (fact, tenant_id, hour)
     SELECT 'action', f.tenant_id, f.hour FROM kept JOIN fact_action AS f USING (tenant_id, mission_id)
      UNION
     SELECT 'approval', f.tenant_id, f.hour FROM kept JOIN fact_approval AS f USING (tenant_id, mission_id)
      ORDER BY 1, 2, 3
         ON CONFLICT (fact, tenant_id, hour) DO UPDATE SET marks = d.marks + 1)
SELECT count(*) FROM kept;

-- load_actions --
-- Closed contracts, each by its highest revision; the hours that they were in and are in now are counted anew.
WITH given AS (
     SELECT DISTINCT ON (tenant_id, contract_id) *, date_trunc('hour', closed_at, 'UTC') AS hour
       FROM unnest(CAST(:tenants AS text[]), CAST(:contracts AS text[]), CAST(:revisions AS bigint[]),
                   CAST(:missions AS text[]), CAST(:services AS text[]), CAST(:playbooks AS text[]),
                   CAST(:operations AS text[]), CAST(:verdicts AS text[]), CAST(:executed AS boolean[]),
                   CAST(:confidences AS double precision[]), CAST(:closed_at AS timestamptz[]))
            AS g (tenant_id, contract_id, revision, mission_id, service, playbook, operation, verdict, executed,
                  confidence, closed_at)
      ORDER BY tenant_id, contract_id, revision DESC),
     before AS (
     SELECT f.tenant_id, f.hour FROM fact_action AS f JOIN given USING (tenant_id, contract_id)),
     kept AS (
     INSERT INTO fact_action AS f (tenant_id, contract_id, revision, mission_id, hour, service_id, playbook_id,
                                   operation_id, verdict, executed, confidence, closed_at)
     SELECT g.tenant_id, g.contract_id, g.revision, g.mission_id, g.hour, s.service_id, p.playbook_id, o.operation_id,
            g.verdict, g.executed, g.confidence, g.closed_at
       FROM given AS g
       JOIN dim_service AS s ON s.name = g.service
       JOIN dim_playbook AS p ON p.name = g.playbook
       JOIN dim_operation AS o ON o.name = g.operation
      ORDER BY 1, 2
         ON CONFLICT (tenant_id, contract_id) DO UPDATE
        SET revision = excluded.revision, mission_id = excluded.mission_id, hour = excluded.hour,
            service_id = excluded.service_id, playbook_id = excluded.playbook_id, operation_id = excluded.operation_id,
            verdict = excluded.verdict, executed = excluded.executed, confidence = excluded.confidence,
            closed_at = excluded.closed_at
      WHERE f.revision < excluded.revision
     RETURNING f.tenant_id, f.mission_id, f.hour),
     due AS (
     INSERT INTO cube_due AS d (fact, tenant_id, hour)
     SELECT 'action', tenant_id, hour FROM kept
      UNION
     SELECT 'action', tenant_id, hour FROM before
      ORDER BY 1, 2, 3
         ON CONFLICT (fact, tenant_id, hour) DO UPDATE SET marks = d.marks + 1)
SELECT count(*) FROM kept;

-- load_plans --
-- What missions are about to do, by the newest plan of each. Approvals of them are counted anew.
WITH given AS (
     SELECT DISTINCT ON (tenant_id, mission_id) *
       FROM unnest(CAST(:tenants AS text[]), CAST(:missions AS text[]), CAST(:playbooks AS text[]),
                   CAST(:operations AS text[]), CAST(:actions AS integer[]), CAST(:planned_at AS timestamptz[]))
            AS g (tenant_id, mission_id, playbook, operation, actions, planned_at)
      ORDER BY tenant_id, mission_id, planned_at DESC),
     kept AS (
     INSERT INTO cube_plans AS c (tenant_id, mission_id, playbook_id, operation_id, actions, planned_at)
     SELECT g.tenant_id, g.mission_id, p.playbook_id, o.operation_id, g.actions, g.planned_at
       FROM given AS g JOIN dim_playbook AS p ON p.name = g.playbook JOIN dim_operation AS o ON o.name = g.operation
      ORDER BY 1, 2
         ON CONFLICT (tenant_id, mission_id) DO UPDATE
        SET playbook_id = excluded.playbook_id, operation_id = excluded.operation_id, actions = excluded.actions,
            planned_at = excluded.planned_at
      WHERE c.planned_at < excluded.planned_at
     RETURNING c.tenant_id, c.mission_id),
     due AS (
     INSERT INTO cube_due AS d (fact, tenant_id, hour)
     SELECT DISTINCT 'approval', f.tenant_id, f.hour FROM kept JOIN fact_approval AS f USING (tenant_id, mission_id)
      ORDER BY 1, 2, 3
         ON CONFLICT (fact, tenant_id, hour) DO UPDATE SET marks = d.marks + 1)
SELECT count(*) FROM kept;

-- load_approvals --
-- Approvals that were asked for or decided, in whichever order that is told. A decision stands.
WITH given AS (
     SELECT DISTINCT ON (tenant_id, approval_id) *, date_trunc('hour', coalesce(decided_at, requested_at), 'UTC') AS hour
       FROM unnest(CAST(:tenants AS text[]), CAST(:approvals AS text[]), CAST(:missions AS text[]),
                   CAST(:tiers AS smallint[]), CAST(:outcomes AS text[]), CAST(:requested_at AS timestamptz[]),
                   CAST(:decided_at AS timestamptz[]))
            AS g (tenant_id, approval_id, mission_id, tier, outcome, requested_at, decided_at)
      ORDER BY tenant_id, approval_id),
     kept AS (
     INSERT INTO fact_approval AS f (tenant_id, approval_id, mission_id, hour, tier, outcome, requested_at, decided_at)
     SELECT tenant_id, approval_id, mission_id, hour, tier, outcome, requested_at, decided_at FROM given ORDER BY 1, 2
         ON CONFLICT (tenant_id, approval_id) DO UPDATE
        SET hour = CASE WHEN f.decided_at IS NULL THEN excluded.hour ELSE f.hour END,
            tier = coalesce(f.tier, excluded.tier),
            outcome = CASE WHEN f.decided_at IS NULL THEN excluded.outcome ELSE f.outcome END,
            requested_at = coalesce(f.requested_at, excluded.requested_at),
            decided_at = coalesce(f.decided_at, excluded.decided_at)
      WHERE f.outcome = 'pending' OR f.requested_at IS NULL
     RETURNING f.tenant_id, f.hour, f.decided_at),
     due AS (
     INSERT INTO cube_due AS d (fact, tenant_id, hour)
     SELECT DISTINCT 'approval', tenant_id, hour FROM kept WHERE decided_at IS NOT NULL
      ORDER BY 1, 2, 3
         ON CONFLICT (fact, tenant_id, hour) DO UPDATE SET marks = d.marks + 1)
SELECT count(*) FROM kept;

-- load_tasks --
-- Ended tasks, added to those of their hours. What is added twice counts twice: the inbox lets each message pass once.
WITH kept AS (
     INSERT INTO fact_task AS f (tenant_id, hour, operation_id, origin_id, outcome, tasks, attempts, timed, total_ms)
     SELECT g.tenant_id, date_trunc('hour', g.ended_at, 'UTC'), o.operation_id, r.origin_id, g.outcome,
            count(*), sum(g.attempts), count(g.total_ms), coalesce(sum(g.total_ms), 0)
       FROM unnest(CAST(:tenants AS text[]), CAST(:ended_at AS timestamptz[]), CAST(:operations AS text[]),
                   CAST(:origins AS text[]), CAST(:outcomes AS text[]), CAST(:attempts AS bigint[]),
                   CAST(:total_ms AS bigint[]))
            AS g (tenant_id, ended_at, operation, origin, outcome, attempts, total_ms)
       JOIN dim_operation AS o ON o.name = g.operation
       JOIN dim_origin AS r ON r.name = g.origin
      GROUP BY 1, 2, 3, 4, 5
      ORDER BY 1, 2, 3, 4, 5
         ON CONFLICT (tenant_id, hour, operation_id, origin_id, outcome) DO UPDATE
        SET tasks = f.tasks + excluded.tasks, attempts = f.attempts + excluded.attempts,
            timed = f.timed + excluded.timed, total_ms = f.total_ms + excluded.total_ms
     RETURNING f.hour)
SELECT count(*) FROM kept;

-- log_run --
-- One transaction of loading, in the same transaction.
INSERT INTO etl_runs (step, read, written, oldest_at, newest_at)
VALUES (:step, :read, :written, CAST(:oldest_at AS timestamptz), CAST(:newest_at AS timestamptz));

-- take_due --
-- Hours to count anew. Who marks one of them meanwhile waits, and marks it again.
SELECT fact, tenant_id, hour FROM cube_due ORDER BY fact, tenant_id, hour LIMIT :most FOR UPDATE SKIP LOCKED;

-- forget_hours --
-- The figures of hours, which are made anew.
DELETE FROM cube_hours AS c
 USING unnest(CAST(:facts AS text[]), CAST(:tenants AS text[]), CAST(:hours AS timestamptz[])) AS k (fact, tenant_id, hour)
 WHERE c.fact = k.fact AND c.tenant_id = k.tenant_id AND c.hour = k.hour;

-- count_hours --
-- The figures of hours, from their facts.
INSERT INTO cube_hours (fact, tenant_id, hour, service_id, playbook_id, operation_id, origin_id, outcome, facts, measured,
                        total)
SELECT k.fact, k.tenant_id, k.hour, f.service_id, f.playbook_id, f.operation_id, coalesce(m.origin_id, 0), f.verdict,
       count(*), count(*), sum(f.confidence)
  FROM unnest(CAST(:facts AS text[]), CAST(:tenants AS text[]), CAST(:hours AS timestamptz[])) AS k (fact, tenant_id, hour)
  JOIN fact_action AS f ON f.tenant_id = k.tenant_id AND f.hour = k.hour
  LEFT JOIN cube_missions AS m ON m.tenant_id = f.tenant_id AND m.mission_id = f.mission_id
 WHERE k.fact = 'action'
 GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
UNION ALL
SELECT k.fact, k.tenant_id, k.hour, coalesce(m.service_id, 0), coalesce(a.playbook_id, 0), coalesce(a.operation_id, 0),
       coalesce(m.origin_id, 0), f.outcome, count(*), count(f.requested_at),
       coalesce(sum(extract(epoch FROM f.decided_at - f.requested_at)), 0)
  FROM unnest(CAST(:facts AS text[]), CAST(:tenants AS text[]), CAST(:hours AS timestamptz[])) AS k (fact, tenant_id, hour)
  JOIN fact_approval AS f ON f.tenant_id = k.tenant_id AND f.hour = k.hour
  LEFT JOIN cube_missions AS m ON m.tenant_id = f.tenant_id AND m.mission_id = f.mission_id
  LEFT JOIN cube_plans AS a ON a.tenant_id = f.tenant_id AND a.mission_id = f.mission_id
 WHERE k.fact = 'approval' AND f.decided_at IS NOT NULL
 GROUP BY 1, 2, 3, 4, 5, 6, 7, 8;

-- settle_hours --
-- They are counted.
DELETE FROM cube_due AS d
 USING unnest(CAST(:facts AS text[]), CAST(:tenants AS text[]), CAST(:hours AS timestamptz[])) AS k (fact, tenant_id, hour)
 WHERE d.fact = k.fact AND d.tenant_id = k.tenant_id AND d.hour = k.hour;

-- last_load --
-- When events of a step were loaded the last time; null where none were.
SELECT loaded_at FROM etl_runs WHERE step = :step ORDER BY run_id DESC LIMIT 1;

-- list_runs --
-- How it was loaded, the newest first.
SELECT * FROM etl_runs ORDER BY run_id DESC LIMIT :most;

-- trend --
-- Figures by hour or day, those without facts, too.
SELECT b.at, coalesce(sum(c.facts), 0) AS facts, coalesce(sum(c.facts) FILTER (WHERE c.succeeded), 0) AS succeeded,
       coalesce(sum(c.measured), 0) AS measured, coalesce(sum(c.total), 0) AS total
  FROM generate_series(date_trunc(:bucket, CAST(:from_time AS timestamptz), 'UTC'),
                       CAST(:to_time AS timestamptz) - interval '1 microsecond',
                       CASE :bucket WHEN 'hour' THEN interval '1 hour' ELSE interval '24 hours' END) AS b (at)
  LEFT JOIN cube AS c
    ON c.tenant_id = :tenant_id AND c.fact = :fact AND c.hour >= :from_time AND c.hour < :to_time
   AND date_trunc(:bucket, c.hour, 'UTC') = b.at
   AND (CAST(:service AS text) IS NULL OR c.service = :service)
   AND (CAST(:playbook AS text) IS NULL OR c.playbook = :playbook)
   AND (CAST(:operation AS text) IS NULL OR c.operation = :operation)
   AND (CAST(:origin AS text) IS NULL OR c.origin = :origin)
 GROUP BY b.at
 ORDER BY b.at;

-- breakdown --
-- Figures by the members of a dimension, within a time and within that before it. The row without a name of a member,
-- `is_whole`, is of all of them.
SELECT m.name, grouping(m.name) = 1 AS is_whole,
       coalesce(sum(c.facts) FILTER (WHERE c.hour >= :from_time), 0) AS facts,
       coalesce(sum(c.facts) FILTER (WHERE c.hour >= :from_time AND c.succeeded), 0) AS succeeded,
       coalesce(sum(c.measured) FILTER (WHERE c.hour >= :from_time), 0) AS measured,
       coalesce(sum(c.total) FILTER (WHERE c.hour >= :from_time), 0) AS total,
       coalesce(sum(c.facts) FILTER (WHERE c.hour < :from_time), 0) AS facts_before,
       coalesce(sum(c.facts) FILTER (WHERE c.hour < :from_time AND c.succeeded), 0) AS succeeded_before,
       coalesce(sum(c.measured) FILTER (WHERE c.hour < :from_time), 0) AS measured_before,
       coalesce(sum(c.total) FILTER (WHERE c.hour < :from_time), 0) AS total_before
  FROM cube AS c
 CROSS JOIN LATERAL (
       SELECT CASE :dimension WHEN 'time' THEN to_char(c.hour AT TIME ZONE 'UTC', 'HH24') WHEN 'service' THEN c.service
                              WHEN 'playbook' THEN c.playbook WHEN 'operation' THEN c.operation
                              WHEN 'origin' THEN c.origin ELSE c.outcome END AS name) AS m
 WHERE c.tenant_id = :tenant_id AND c.fact = :fact AND c.hour >= :since AND c.hour < :to_time
   AND (CAST(:service AS text) IS NULL OR c.service = :service)
   AND (CAST(:playbook AS text) IS NULL OR c.playbook = :playbook)
   AND (CAST(:operation AS text) IS NULL OR c.operation = :operation)
   AND (CAST(:origin AS text) IS NULL OR c.origin = :origin)
 GROUP BY ROLLUP (m.name)
 ORDER BY is_whole DESC,
          CASE WHEN :by_change THEN abs(coalesce(sum(c.facts) FILTER (WHERE c.hour >= :from_time), 0)
                                        - coalesce(sum(c.facts) FILTER (WHERE c.hour < :from_time), 0))
               ELSE sum(c.facts) FILTER (WHERE c.hour >= :from_time) END DESC NULLS LAST, m.name
 LIMIT :most;

-- funnel --
-- How many missions of a time came how far; each step is part of the one before it. Verified are those of which every
-- action that ever closed is verified, and as many as the plan has.
SELECT count(*) AS captured,
       count(*) FILTER (WHERE decided) AS decided,
       count(*) FILTER (WHERE decided AND granted) AS granted,
       count(*) FILTER (WHERE decided AND granted AND acted) AS acted,
       count(*) FILTER (WHERE decided AND granted AND acted AND executed) AS executed,
       count(*) FILTER (WHERE decided AND granted AND acted AND executed AND verified) AS verified
  FROM cube_missions AS m
  JOIN dim_service AS s USING (service_id)
  JOIN dim_origin AS r USING (origin_id)
  LEFT JOIN cube_plans AS plan ON plan.tenant_id = m.tenant_id AND plan.mission_id = m.mission_id
  LEFT JOIN dim_playbook AS p USING (playbook_id)
  LEFT JOIN dim_operation AS o USING (operation_id)
 CROSS JOIN LATERAL (
       SELECT coalesce(bool_or(a.decided_at IS NOT NULL), false) AS decided,
              coalesce(bool_or(a.outcome IN ('granted', 'unattended')), false) AS granted
         FROM fact_approval AS a WHERE a.tenant_id = m.tenant_id AND a.mission_id = m.mission_id) AS approvals
 CROSS JOIN LATERAL (
       SELECT count(*) > 0 AS acted, coalesce(bool_or(f.executed), false) AS executed,
              coalesce(bool_and(f.verdict = 'verified') AND count(*) >= plan.actions, false) AS verified
         FROM fact_action AS f WHERE f.tenant_id = m.tenant_id AND f.mission_id = m.mission_id) AS actions
 WHERE m.tenant_id = :tenant_id AND m.captured_at >= :from_time AND m.captured_at < :to_time
   AND (CAST(:service AS text) IS NULL OR s.name = :service)
   AND (CAST(:origin AS text) IS NULL OR r.name = :origin)
   AND (CAST(:playbook AS text) IS NULL OR p.name = :playbook)
   AND (CAST(:operation AS text) IS NULL OR o.name = :operation);

-- prune_cube --
-- Some of what is older than is kept, `before` being the beginning of an hour; how many rows of the table that had most.
WITH tasks AS (
     DELETE FROM fact_task WHERE ctid IN (
            SELECT ctid FROM fact_task WHERE hour < CAST(:before AS timestamptz) ORDER BY hour LIMIT :most) RETURNING 1),
     figures AS (
     DELETE FROM cube_hours WHERE ctid IN (
            SELECT ctid FROM cube_hours WHERE hour < CAST(:before AS timestamptz) ORDER BY hour LIMIT :most) RETURNING 1),
     actions AS (
     DELETE FROM fact_action WHERE ctid IN (
            SELECT ctid FROM fact_action WHERE hour < CAST(:before AS timestamptz) ORDER BY hour LIMIT :most) RETURNING 1),
     approvals AS (
     DELETE FROM fact_approval WHERE ctid IN (
            SELECT ctid FROM fact_approval WHERE hour < CAST(:before AS timestamptz) ORDER BY hour LIMIT :most) RETURNING 1),
     missions AS (
     DELETE FROM cube_missions WHERE ctid IN (
            SELECT ctid FROM cube_missions WHERE captured_at < CAST(:before AS timestamptz) ORDER BY captured_at LIMIT :most)
     RETURNING 1),
     plans AS (
     DELETE FROM cube_plans WHERE ctid IN (
            SELECT ctid FROM cube_plans WHERE planned_at < CAST(:before AS timestamptz) ORDER BY planned_at LIMIT :most)
     RETURNING 1),
     runs AS (
     DELETE FROM etl_runs WHERE ctid IN (
            SELECT ctid FROM etl_runs WHERE loaded_at < CAST(:before AS timestamptz) ORDER BY loaded_at LIMIT :most)
     RETURNING 1)
SELECT greatest((SELECT count(*) FROM tasks), (SELECT count(*) FROM figures), (SELECT count(*) FROM actions),
                (SELECT count(*) FROM approvals), (SELECT count(*) FROM missions), (SELECT count(*) FROM plans),
                (SELECT count(*) FROM runs)) AS count;
