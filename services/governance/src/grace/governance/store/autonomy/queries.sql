-- find_levels --
-- Where these playbooks stand; those without a row stand where everybody begins.
SELECT l.tenant_id, l.playbook, l.target_class, level, version, verified, failed, changed_at,
       changed_by, reason
  FROM autonomy_levels l
  JOIN unnest(
           CAST(:tenant_id AS text[]), CAST(:playbook AS text[]), CAST(:target_class AS text[])
       ) AS wanted (tenant_id, playbook, target_class)
       USING (tenant_id, playbook, target_class);

-- begin_levels --
-- A row for each of these playbooks that has none yet, so that it can be locked.
INSERT INTO autonomy_levels (tenant_id, playbook, target_class, level, version, changed_by, reason)
SELECT DISTINCT wanted.tenant_id, wanted.playbook, wanted.target_class, :level, 0, :changed_by,
       :reason
  FROM unnest(
           CAST(:tenant_id AS text[]), CAST(:playbook AS text[]), CAST(:target_class AS text[])
       ) AS wanted (tenant_id, playbook, target_class)
 ORDER BY 1, 2, 3
    ON CONFLICT DO NOTHING;

-- lock_levels --
-- Where these playbooks stand, locked in one order until the transaction ends.
SELECT tenant_id, playbook, target_class, level, version, verified, failed, changed_at, changed_by,
       reason
  FROM autonomy_levels
 WHERE (tenant_id, playbook, target_class) IN (
           SELECT * FROM unnest(
               CAST(:tenant_id AS text[]), CAST(:playbook AS text[]), CAST(:target_class AS text[])
           )
       )
 ORDER BY tenant_id, playbook, target_class
   FOR UPDATE;

-- set_level --
-- Where a playbook stands from now on. Its row is locked.
UPDATE autonomy_levels
   SET level = :level, version = :version, verified = :verified, failed = :failed,
       changed_at = :changed_at, changed_by = :changed_by, reason = :reason
 WHERE tenant_id = :tenant_id AND playbook = :playbook AND target_class = :target_class
   AND version <= :version;

-- insert_level_change --
-- Keep for good who moved a playbook and why.
INSERT INTO autonomy_changes (
    tenant_id, playbook, target_class, version, level, changed_at, changed_by, reason
)
VALUES (
    :tenant_id, :playbook, :target_class, :version, :level, :changed_at, :changed_by, :reason
);

-- list_levels --
-- A page of a tenant's playbooks, by name.
SELECT tenant_id, playbook, target_class, level, version, verified, failed, changed_at, changed_by,
       reason
  FROM autonomy_levels
 WHERE tenant_id = :tenant_id
   AND (CAST(:after AS text) IS NULL OR playbook || ':' || target_class > :after)
 ORDER BY playbook || ':' || target_class
 LIMIT :limit;

-- list_level_changes --
-- The last moves of one playbook, newest first.
SELECT version, level, changed_at, changed_by, reason
  FROM autonomy_changes
 WHERE tenant_id = :tenant_id AND playbook = :playbook AND target_class = :target_class
 ORDER BY version DESC
 LIMIT :limit;

-- counted_outcomes --
-- What was counted of these contracts before.
SELECT contract_id, revision, verdict, executed
  FROM autonomy_outcomes
 WHERE contract_id = ANY (CAST(:contract_ids AS text[]));

-- count_outcomes --
-- Keep how contracts ended, each by its highest revision. Fewer rows: a later one was counted.
INSERT INTO autonomy_outcomes (contract_id, revision, verdict, executed)
SELECT * FROM unnest(
    CAST(:contract_ids AS text[]), CAST(:revisions AS integer[]), CAST(:verdicts AS text[]), CAST(:executed AS boolean[]))
    ON CONFLICT (contract_id) DO UPDATE
   SET revision = excluded.revision, verdict = excluded.verdict, executed = excluded.executed
 WHERE autonomy_outcomes.revision < excluded.revision;

-- lock_budgets --
-- Who spends budgets does so alone.
SELECT pg_advisory_xact_lock(hashtextextended('grace.governance.budgets', 0));

-- open_trusts --
-- The standing approvals of these playbooks that still hold; each falls with the seat of its giver.
SELECT t.standing_id, t.tenant_id, t.playbook, t.target_class, given_by, given_at, expires_at,
       budget, used, reason, revoked_at, revoked_by
  FROM standing_approvals t
  JOIN unnest(
           CAST(:tenant_id AS text[]), CAST(:playbook AS text[]), CAST(:target_class AS text[])
       ) AS wanted (tenant_id, playbook, target_class)
       USING (tenant_id, playbook, target_class)
 WHERE revoked_at IS NULL AND expires_at > :now AND used < budget
   AND (NOT EXISTS (SELECT FROM approvers a WHERE a.tenant_id = t.tenant_id)
        OR EXISTS (SELECT FROM approvers a
                    WHERE a.tenant_id = t.tenant_id AND a.principal = lower(t.given_by)
                      AND a.removed_at IS NULL))
 ORDER BY t.standing_id
   FOR UPDATE OF t;

-- count_ending_trusts --
-- Standing approvals with budget that end soon, were given for at least twice as long, and that no later
-- one takes the place of.
SELECT count(*)
  FROM standing_approvals t
 WHERE revoked_at IS NULL AND used < budget
   AND expires_at BETWEEN now() AND now() + CAST(:within AS interval)
   AND expires_at - given_at >= 2 * CAST(:within AS interval)
   AND NOT EXISTS (
           SELECT FROM standing_approvals n
            WHERE n.tenant_id = t.tenant_id AND n.playbook = t.playbook
              AND n.target_class = t.target_class AND n.revoked_at IS NULL AND n.used < n.budget
              AND n.expires_at > now() + CAST(:within AS interval));

-- is_approver --
-- Whether somebody is an approver: who has a seat, and everybody where nobody ever had one.
SELECT NOT EXISTS (SELECT FROM approvers WHERE tenant_id = :tenant_id)
       OR EXISTS (SELECT FROM approvers
                   WHERE tenant_id = :tenant_id AND principal = :principal AND removed_at IS NULL);

-- requesters_of --
-- Who submitted intents that follow these missions, besides who asked first.
SELECT mission_id, principal
  FROM mission_requesters
 WHERE mission_id = ANY (CAST(:mission_ids AS text[]));

-- spend_trust --
-- Take from a budget. No row: it carries so much no more.
UPDATE standing_approvals
   SET used = used + :changes
 WHERE standing_id = :standing_id AND used + :changes <= budget AND (revoked_at IS NULL) = (SELECT true)
   AND expires_at > :now;

-- insert_unattended --
-- Keep what was changed without asking, and by whose word.
INSERT INTO unattended_changes (
    approval_id, standing_id, tenant_id, target_class, changes, granted_at
)
VALUES (:approval_id, :standing_id, :tenant_id, :target_class, :changes, :granted_at);

-- recent_changes --
-- How much was changed without asking since a moment, by tenant and class of targets.
SELECT tenant_id, target_class, sum(changes) AS changes
  FROM unattended_changes
 WHERE granted_at > :since AND tenant_id = ANY (CAST(:tenant_ids AS text[]))
 GROUP BY tenant_id, target_class;

-- recent_turns --
-- How often these targets were acted on without asking since a moment.
SELECT target, (SELECT count(*) FROM unnest(granted_at) AS at WHERE at > :since) AS turns
  FROM target_turns
 WHERE target = ANY (CAST(:targets AS text[]));

-- take_turns --
-- Keep so many more actions on each target, and forget those before a moment. Fewer rows: somebody
-- else took a turn meanwhile, and the budget carries no more.
INSERT INTO target_turns AS kept (target, granted_at)
SELECT target, array_fill(CAST(:now AS timestamptz), ARRAY[actions])
  FROM unnest(CAST(:targets AS text[]), CAST(:actions AS integer[])) AS taken (target, actions)
 ORDER BY target
    ON CONFLICT (target) DO UPDATE
   SET granted_at = ARRAY(SELECT at FROM unnest(kept.granted_at) AS at WHERE at > :since)
                    || excluded.granted_at
 WHERE (SELECT count(*) FROM unnest(kept.granted_at) AS at WHERE at > :since)
       + cardinality(excluded.granted_at) <= :budget;

-- pulled_brakes --
-- Which of these tenants' brakes are on.
SELECT tenant_id
  FROM brakes
 WHERE tenant_id = ANY (CAST(:tenant_ids AS text[])) AND is_on = (SELECT true);

-- find_brake --
-- How a tenant's brake stands; no row where nothing of it ever failed and nobody pulled it.
SELECT tenant_id, is_on, version, failed_at, changed_at, changed_by, reason
  FROM brakes
 WHERE tenant_id = :tenant_id;

-- begin_brakes --
-- A row for each of these tenants that has none yet, so that it can be locked.
INSERT INTO brakes (tenant_id, is_on, version, failed_at, changed_by, reason)
SELECT DISTINCT tenant_id, false, 0, CAST('{}' AS timestamptz[]), :changed_by, :reason
  FROM unnest(CAST(:tenant_ids AS text[])) AS wanted (tenant_id)
 ORDER BY tenant_id
    ON CONFLICT DO NOTHING;

-- lock_brakes --
-- How these tenants' brakes stand, locked in one order until the transaction ends.
SELECT tenant_id, is_on, version, failed_at, changed_at, changed_by, reason
  FROM brakes
 WHERE tenant_id = ANY (CAST(:tenant_ids AS text[]))
 ORDER BY tenant_id
   FOR UPDATE;

-- set_brake --
-- How a tenant's brake stands from now on. Its row is locked.
UPDATE brakes
   SET is_on = :is_on, version = :version, failed_at = :failed_at, changed_at = :changed_at,
       changed_by = :changed_by, reason = :reason
 WHERE tenant_id = :tenant_id AND version <= :version;

-- insert_brake_turn --
-- Keep for good who pulled a brake or let it go, and why.
INSERT INTO brake_turns (tenant_id, version, is_on, turned_at, turned_by, reason)
VALUES (:tenant_id, :version, :is_on, :changed_at, :changed_by, :reason);

-- list_brake_turns --
-- The last turns of a tenant's brake, newest first.
SELECT version, is_on, turned_at, turned_by, reason
  FROM brake_turns
 WHERE tenant_id = :tenant_id
 ORDER BY version DESC
 LIMIT :limit;

-- count_brakes --
-- How many tenants' brakes are on.
SELECT count(*)
  FROM brakes
 WHERE is_on;

-- insert_trust --
-- Keep a person's standing approval.
INSERT INTO standing_approvals (
    standing_id, tenant_id, playbook, target_class, given_by, given_at, expires_at, budget, reason
)
VALUES (
    :standing_id, :tenant_id, :playbook, :target_class, :given_by, :given_at, :expires_at, :budget,
    :reason
);

-- find_trust --
-- One standing approval of a tenant.
SELECT standing_id, tenant_id, playbook, target_class, given_by, given_at, expires_at, budget, used,
       reason, revoked_at, revoked_by
  FROM standing_approvals
 WHERE tenant_id = :tenant_id AND standing_id = :standing_id;

-- revoke_trust --
-- Take a standing approval back. No row: it was taken back before.
UPDATE standing_approvals
   SET revoked_at = :now, revoked_by = :revoked_by
 WHERE tenant_id = :tenant_id AND standing_id = :standing_id AND revoked_at IS NULL;

-- list_trusts --
-- A page of a tenant's standing approvals, newest first.
SELECT standing_id, tenant_id, playbook, target_class, given_by, given_at, expires_at, budget, used,
       reason, revoked_at, revoked_by
  FROM standing_approvals
 WHERE tenant_id = :tenant_id AND (CAST(:before AS text) IS NULL OR standing_id < :before)
 ORDER BY standing_id DESC
 LIMIT :limit;
