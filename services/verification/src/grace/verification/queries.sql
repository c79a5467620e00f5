-- upsert_missions --
-- Open missions from whichever message tells of them first; later ones only fill what is unknown.
INSERT INTO missions (mission_id, tenant_id, kind, target, requested_by, correlation_id, opened_at, recall_at)
SELECT f.mission_id, f.tenant_id, f.kind, f.target, f.requested_by, f.correlation_id, coalesce(f.opened_at, now()),
       now() + CAST(:recall_after AS interval)
  FROM unnest(CAST(:mission_ids AS text[]), CAST(:tenant_ids AS text[]), CAST(:kinds AS text[]),
              CAST(:targets AS text[]), CAST(:requested_by AS text[]), CAST(:correlation_ids AS text[]),
              CAST(:opened_at AS timestamptz[]))
    AS f (mission_id, tenant_id, kind, target, requested_by, correlation_id, opened_at)
ON CONFLICT (mission_id) DO UPDATE
   SET kind = coalesce(missions.kind, excluded.kind),
       target = coalesce(missions.target, excluded.target),
       requested_by = coalesce(missions.requested_by, excluded.requested_by);

-- plan_missions --
-- Store the plans of missions that have none; one that nobody has told of is opened. Absent: it is planned or
-- closed already.
INSERT INTO missions (mission_id, tenant_id, kind, target, requested_by, correlation_id, opened_at, recall_at,
    status, plan, plan_hash, playbook_id, playbook_version)
SELECT f.mission_id, f.tenant_id, f.kind, f.target, f.requested_by, f.correlation_id, now(),
       now() + CAST(:recall_after AS interval), :status, f.plan, f.plan_hash, f.playbook, f.playbook_version
  FROM unnest(CAST(:mission_ids AS text[]), CAST(:tenant_ids AS text[]), CAST(:kinds AS text[]),
              CAST(:targets AS text[]), CAST(:requested_by AS text[]), CAST(:correlation_ids AS text[]),
              CAST(:plans AS bytea[]), CAST(:plan_hashes AS text[]), CAST(:playbooks AS text[]),
              CAST(:playbook_versions AS integer[]))
    AS f (mission_id, tenant_id, kind, target, requested_by, correlation_id, plan, plan_hash, playbook, playbook_version)
ON CONFLICT (mission_id) DO UPDATE
   SET kind = coalesce(missions.kind, excluded.kind),
       target = coalesce(missions.target, excluded.target),
       requested_by = coalesce(missions.requested_by, excluded.requested_by),
       status = excluded.status, plan = excluded.plan, plan_hash = excluded.plan_hash,
       playbook_id = excluded.playbook_id, playbook_version = excluded.playbook_version,
       recalls = 0, recall_at = excluded.recall_at
 WHERE missions.status = ANY (CAST(:sources AS text[]))
RETURNING mission_id;

-- ask_mission --
-- People are asked about a mission. No row: it was decided already.
UPDATE missions SET status = :status, approval_id = :approval_id
 WHERE mission_id = :mission_id AND status = ANY (CAST(:sources AS text[]))
RETURNING mission_id;

-- allow_missions --
-- Missions may act. Absent: it was decided already, or this is not its plan.
UPDATE missions m SET status = :status, approval_id = f.approval_id, recall_at = NULL
  FROM unnest(CAST(:mission_ids AS text[]), CAST(:approval_ids AS text[]), CAST(:plan_hashes AS text[]))
    AS f (mission_id, approval_id, plan_hash)
 WHERE m.mission_id = f.mission_id AND m.plan_hash = f.plan_hash AND m.status = ANY (CAST(:sources AS text[]))
RETURNING m.mission_id;

-- attend_mission --
-- A mission rests until an operator looks at it.
UPDATE missions SET status = :status, reason = :reason
 WHERE mission_id = :mission_id AND status = ANY (CAST(:sources AS text[]))
RETURNING mission_id;

-- resume_mission --
-- A person has decided that a mission goes on.
UPDATE missions SET status = :status, reason = NULL
 WHERE mission_id = :mission_id AND status = ANY (CAST(:sources AS text[]))
RETURNING mission_id;

-- close_missions --
-- Missions end, once. Absent: it has ended already. (SELECT ..): planned once, not for each batch.
UPDATE missions m
   SET status = :status, confidence = w.confidence, reason = w.reason, closed_at = now(), recall_at = NULL
  FROM unnest((SELECT CAST(:mission_ids AS text[])), CAST(:confidences AS double precision[]), CAST(:reasons AS text[]))
    AS w (mission_id, confidence, reason)
 WHERE m.mission_id = w.mission_id AND m.status = ANY (CAST(:sources AS text[]))
RETURNING m.mission_id, m.tenant_id, m.target, m.correlation_id, m.closed_at;

-- lock_missions --
-- Let the contracts of a mission end one after the other. In one order: two transactions wait, not both.
SELECT mission_id FROM missions
 WHERE mission_id = ANY (CAST(:mission_ids AS text[])) ORDER BY mission_id FOR NO KEY UPDATE;

-- mission --
-- One mission of a tenant.
SELECT mission_id, tenant_id, kind, target, requested_by, status, confidence, playbook_id, plan_hash, reason,
       opened_at, closed_at
  FROM missions WHERE tenant_id = :tenant_id AND mission_id = :mission_id;

-- mission_state --
-- Whether a mission is known, and where it stands.
SELECT status, plan_hash FROM missions WHERE mission_id = :mission_id;

-- claim_recalls --
-- Missions that wait for somebody's word for too long; asked less often each time.
WITH due AS (
    SELECT mission_id FROM missions
     WHERE recall_at <= now() ORDER BY recall_at LIMIT :most FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE missions m
   SET recalls = m.recalls + 1,
       recall_at = now() + least(CAST(:recall_after AS interval) * power(2, least(m.recalls, 20)),
                                 CAST(:recall_at_most AS interval))
  FROM due WHERE m.mission_id = due.mission_id
RETURNING m.mission_id, m.status, m.correlation_id;

-- is_troubled --
-- Whether a mission is open about a target, whichever tenant's: it is one thing for all of them.
SELECT EXISTS (SELECT FROM missions WHERE target = :target AND closed_at IS NULL);

-- was_troubled --
-- Whether a mission about a target was open at any time since a moment; looked for among the newest.
SELECT EXISTS (SELECT FROM (SELECT target, closed_at FROM missions ORDER BY mission_id DESC LIMIT 10000) AS newest
                WHERE target = :target AND (closed_at IS NULL OR closed_at >= :since));

-- insert_contracts --
-- Drafted contracts; their bytes never change.
INSERT INTO action_contracts (contract_id, mission_id, tenant_id, action_id, sequence, revision, playbook_id,
    operation, target, tier, contract, contract_hash, expected_state, drafted_at)
SELECT contract_id, mission_id, tenant_id, action_id, sequence, revision, playbook_id,
       operation, target, tier, contract, contract_hash, CAST(expected_state AS json), drafted_at
  FROM unnest(CAST(:contract_ids AS text[]), CAST(:mission_ids AS text[]), CAST(:tenant_ids AS text[]),
              CAST(:action_ids AS text[]), CAST(:sequences AS integer[]), CAST(:revisions AS integer[]),
              CAST(:playbook_ids AS text[]), CAST(:operations AS text[]), CAST(:targets AS text[]),
              CAST(:tiers AS smallint[]), CAST(:contracts AS bytea[]), CAST(:contract_hashes AS text[]),
              CAST(:expected_states AS text[]), CAST(:drafted_at AS timestamptz[]))
    AS f (contract_id, mission_id, tenant_id, action_id, sequence, revision, playbook_id, operation, target, tier,
          contract, contract_hash, expected_state, drafted_at);

-- drafts --
-- Missions that are known, each with what governance was shown of it.
SELECT m.mission_id, m.status, m.plan_hash, c.contract_id, c.contract_hash
  FROM missions m LEFT JOIN action_contracts c ON c.mission_id = m.mission_id
 WHERE m.mission_id = ANY (CAST(:mission_ids AS text[])) ORDER BY c.sequence;

-- approve_contracts --
-- Keep the permissions of drafted contracts; they are due at once.
UPDATE action_contracts c
   SET status = :status, apply_capability = f.apply_capability, revert_capability = f.revert_capability,
       next_at = now(), version = c.version + 1
  FROM unnest(CAST(:contract_ids AS text[]), CAST(:apply_capabilities AS bytea[]),
              CAST(:revert_capabilities AS bytea[])) AS f (contract_id, apply_capability, revert_capability)
 WHERE c.contract_id = f.contract_id AND c.status = ANY (CAST(:sources AS text[]))
RETURNING c.contract_id;

-- end_contracts --
-- End those contracts of a mission that have not begun.
UPDATE action_contracts
   SET status = :status, reason = :reason, next_at = NULL, closed_at = now(), version = version + 1
 WHERE mission_id = :mission_id AND status = ANY (CAST(:sources AS text[]))
RETURNING contract_id;

-- claim_contracts --
-- Take the contracts that are due, and keep other replicas off them for a while. One that a crash loses
-- is only due sooner, so nobody waits for the disk.
WITH quick AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true)),
due AS (
    SELECT contract_id FROM action_contracts, quick
     WHERE next_at <= now() ORDER BY next_at LIMIT :most FOR NO KEY UPDATE OF action_contracts SKIP LOCKED
)
UPDATE action_contracts c SET next_at = now() + CAST(:claim_for AS interval)
  FROM due WHERE c.contract_id = due.contract_id
RETURNING c.contract_id;

-- contracts --
-- Everything about contracts that their next step depends on.
SELECT c.contract_id, c.mission_id, c.contract, c.status, c.version, c.reason, c.step, c.step_since, c.task_spec, c.task_id,
       c.apply_capability, c.revert_capability, c.execution, c.observed_again, c.refusal, c.reverts,
       c.choice, c.chosen_by, c.chosen_why, c.waiting_since,
       s.content_hash, s.state, s.after_state, m.correlation_id, now() AS seen_at
  FROM action_contracts c
  JOIN missions m ON m.mission_id = c.mission_id
  LEFT JOIN safe_hold_snapshots s ON s.snapshot_id = c.snapshot_id
 WHERE c.contract_id = ANY (CAST(:contract_ids AS text[]))
 ORDER BY c.drafted_at, c.sequence;

-- parts --
-- The contracts of missions, as far as their siblings care.
SELECT mission_id, contract_id, sequence, status, confidence, choice, reason
  FROM action_contracts WHERE mission_id = ANY (CAST(:mission_ids AS text[])) ORDER BY sequence;

-- wait_contract --
-- A contract waits for its target. No row: it has moved on.
UPDATE action_contracts
   SET status = :status, reason = :reason, next_at = now() + CAST(:pause AS interval), version = version + 1,
       waiting_since = now()
 WHERE contract_id = :contract_id AND version = :version
RETURNING contract_id;

-- step_contract --
-- A contract wants its next task, and is in hand. No row: it has moved on.
UPDATE action_contracts
   SET status = :status, step = :step, step_since = now(), task_spec = :task_spec, task_id = NULL,
       next_at = now() + CAST(:claim_for AS interval), version = version + 1
 WHERE contract_id = :contract_id AND version = :version
RETURNING contract_id;

-- prove_contract --
-- A contract came true and waits for the rest of its plan. No row: it has moved on.
UPDATE action_contracts
   SET status = :status, next_at = now() + CAST(:pause AS interval), version = version + 1,
       executed = true, confidence = :confidence, actual_state = CAST(:actual_state AS json), reason = :reason
 WHERE contract_id = :contract_id AND version = :version
RETURNING contract_id;

-- note_snapshot --
-- Where the before-state of an effect is kept.
UPDATE action_contracts SET snapshot_id = :snapshot_id WHERE contract_id = :contract_id;

-- note_findings --
-- What was found when the action was judged.
UPDATE action_contracts
   SET executed = :executed, confidence = :confidence, actual_state = CAST(:actual_state AS json), reason = :reason
 WHERE contract_id = :contract_id;

-- note_observed_again --
-- What was observed after the revert.
UPDATE action_contracts SET observed_again = CAST(:observed_again AS json) WHERE contract_id = :contract_id;

-- attend_contract --
-- A contract rests until an operator looks at it; it keeps its target. No row: it has moved on.
UPDATE action_contracts
   SET status = :status, reason = :reason, next_at = NULL, version = version + 1
 WHERE contract_id = :contract_id AND version = :version
RETURNING contract_id;

-- nudge_contracts --
-- Something happened to these contracts' tasks: look at once, and let a look under way start over.
WITH known AS (
    SELECT contract_id FROM action_contracts
     WHERE contract_id = ANY (CAST(:contract_ids AS text[])) AND next_at IS NOT NULL
     ORDER BY contract_id FOR NO KEY UPDATE
)
UPDATE action_contracts c SET next_at = now(), version = c.version + 1
  FROM known WHERE c.contract_id = known.contract_id
RETURNING c.contract_id;

-- nudge_waiting --
-- Targets are free: those that wait for them look at once.
UPDATE action_contracts SET next_at = now()
 WHERE contract_id = ANY (ARRAY(
           SELECT w.contract_id
             FROM unnest(CAST(:targets AS text[])) AS f (target)
            CROSS JOIN LATERAL (
                  SELECT contract_id FROM action_contracts
                   WHERE target = f.target AND status = 'waiting'
                     FOR NO KEY UPDATE SKIP LOCKED) AS w))
RETURNING contract_id;

-- nudge_mission --
-- An action of a mission is verified: the next one looks at once.
UPDATE action_contracts SET next_at = now()
 WHERE mission_id = :mission_id AND status IN ('approved', 'proven')
RETURNING contract_id;

-- insert_snapshot --
-- The before-state of an effect, once.
INSERT INTO safe_hold_snapshots (snapshot_id, contract_id, tenant_id, content_hash, state, after_state)
VALUES (:snapshot_id, :contract_id, :tenant_id, :content_hash, :state, :after_state);

-- baseline --
-- One baseline of a tenant.
SELECT benchmark_id, target, operation, status, fields, numbers, measured_at, reason
  FROM benchmarks
 WHERE tenant_id = :tenant_id AND benchmark_id = :benchmark_id AND kind = 'baseline';

-- insert_events --
-- Add lines to the stories of missions, each once; none for a mission that is not there. The ids of one commit rise. What
-- was heard has happened before what follows from it, whatever the clock of who told it says.
INSERT INTO action_events (event_id, mission_id, contract_id, tenant_id, service, subject, summary, at)
SELECT line.event_id, m.mission_id, c.contract_id, m.tenant_id, line.service, line.subject, line.summary,
       least(line.at, now() - CASE WHEN line.service = 'verification' THEN interval '0' ELSE interval '1 microsecond' END)
  FROM unnest(CAST(:event_ids AS uuid[]), CAST(:mission_ids AS text[]), CAST(:contract_ids AS text[]),
              CAST(:services AS text[]), CAST(:subjects AS text[]), CAST(:summaries AS text[]),
              CAST(:moments AS timestamptz[]))
    AS line (event_id, mission_id, contract_id, service, subject, summary, at)
  JOIN missions m ON m.mission_id = line.mission_id
  LEFT JOIN action_contracts c ON c.contract_id = line.contract_id AND c.mission_id = m.mission_id
    ON CONFLICT (event_id, mission_id) DO NOTHING;

-- tell_open_missions --
-- Add one line to the story of every mission that has not ended; once.
INSERT INTO action_events (event_id, mission_id, tenant_id, service, subject, summary, at)
SELECT :event_id, mission_id, tenant_id, :service, :subject, :summary, :at FROM missions WHERE closed_at IS NULL
ON CONFLICT (event_id, mission_id) DO NOTHING;

-- count_attention --
-- How many missions need a person, over all tenants.
SELECT count(*) FROM missions WHERE status = 'needs_attention';

-- own_tasks --
-- Which of these tasks are tasks of these contracts: strangers may write any contract's name on theirs.
SELECT c.contract_id, c.mission_id, t.task_id
  FROM action_contracts c CROSS JOIN LATERAL unnest(c.task_ids) AS t (task_id)
 WHERE c.contract_id = ANY (CAST(:contract_ids AS text[])) AND t.task_id = ANY (CAST(:task_ids AS text[]));

-- timeline --
-- The story of a mission in the order in which it happened; the ids of one millisecond rise. The newest lines
-- where there are too many.
SELECT event_id, at, service, subject, summary, contract_id
  FROM (SELECT event_id, at, service, subject, summary, contract_id
          FROM action_events
         WHERE tenant_id = :tenant_id AND mission_id = :mission_id
         ORDER BY at DESC, event_id DESC LIMIT :most) AS newest
 ORDER BY at, event_id;

-- contract_views --
-- The contracts of a mission as others may see them.
SELECT contract_id, action_id, operation, target, tier, status, contract_hash, confidence, actual_state,
       expected_state, restored_state, reason, conflict
  FROM action_contracts WHERE mission_id = :mission_id ORDER BY sequence, revision;
