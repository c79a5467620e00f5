-- insert_requests --
-- Open requests for plans that were not asked for before, with what approvers are shown, byte for byte; answers
-- the ids that are new.
WITH opened AS (
INSERT INTO approval_requests (
    approval_id, tenant_id, event_id, mission_id, plan_hash, shown_hash, playbook, requested_by,
    correlation_id, tier, quorum, status, granted, requested_at, expires_at, decided_at, reason
)
SELECT new.approval_id, new.tenant_id, new.event_id, new.mission_id, new.plan_hash, new.shown_hash,
       new.playbook, new.requested_by, new.correlation_id, new.tier, new.quorum, new.status,
       new.granted, new.requested_at, new.expires_at, new.decided_at, new.reason
  FROM unnest(
           CAST(:approval_id AS text[]), CAST(:tenant_id AS text[]), CAST(:event_id AS uuid[]),
           CAST(:mission_id AS text[]), CAST(:plan_hash AS text[]), CAST(:shown_hash AS text[]),
           CAST(:playbook AS text[]), CAST(:requested_by AS text[]),
           CAST(:correlation_id AS text[]), CAST(:tier AS smallint[]),
           CAST(:quorum AS smallint[]), CAST(:status AS text[]), CAST(:granted AS text[]),
           CAST(:requested_at AS timestamptz[]), CAST(:expires_at AS timestamptz[]),
           CAST(:decided_at AS timestamptz[]), CAST(:reason AS text[])
       ) AS new (
           approval_id, tenant_id, event_id, mission_id, plan_hash, shown_hash, playbook,
           requested_by, correlation_id, tier, quorum, status, granted, requested_at, expires_at,
           decided_at, reason
       )
    ON CONFLICT (tenant_id, mission_id, shown_hash) DO NOTHING
RETURNING approval_id
), shown AS (
INSERT INTO approval_contracts (
    approval_id, position, contract_id, action_id, contract_hash, contract
)
SELECT new.approval_id, new.position, new.contract_id, new.action_id, new.contract_hash, new.contract
  FROM unnest(
           CAST(:contract_of AS text[]), CAST(:position AS smallint[]),
           CAST(:contract_id AS text[]), CAST(:action_id AS text[]),
           CAST(:contract_hash AS text[]), CAST(:contract AS bytea[])
       ) AS new (approval_id, position, contract_id, action_id, contract_hash, contract)
  JOIN opened ON opened.approval_id = new.approval_id
)
SELECT approval_id FROM opened;

-- find_request --
-- One request of a tenant.
SELECT approval_id, tenant_id, mission_id, plan_hash, shown_hash, playbook, requested_by,
       correlation_id, tier, quorum, status, version, requested_at, expires_at, decided_at,
       decided_by, reason
  FROM approval_requests
 WHERE tenant_id = :tenant_id AND approval_id = :approval_id;

-- lock_request --
-- The same, locked until the transaction ends: votes on it are counted one after the other.
SELECT approval_id, tenant_id, mission_id, plan_hash, shown_hash, playbook, requested_by,
       correlation_id, tier, quorum, status, version, requested_at, expires_at, decided_at,
       decided_by, reason
  FROM approval_requests
 WHERE tenant_id = :tenant_id AND approval_id = :approval_id
   FOR UPDATE;

-- list_requests --
-- A page of a tenant's requests, newest first, however they stand; `status` and `mission_id` are NULL.
SELECT approval_id, tenant_id, mission_id, plan_hash, shown_hash, playbook, requested_by,
       correlation_id, tier, quorum, status, version, requested_at, expires_at, decided_at,
       decided_by, reason
  FROM approval_requests
 WHERE tenant_id = :tenant_id AND CAST(:status AS text) IS NULL AND CAST(:mission_id AS text) IS NULL
   AND (CAST(:tier AS smallint) IS NULL OR tier = :tier)
   AND (CAST(:requested_by AS text) IS NULL OR requested_by = :requested_by)
   AND (CAST(:before AS text) IS NULL OR approval_id < :before)
 ORDER BY approval_id DESC
 LIMIT :limit;

-- list_requests_of_status --
-- A page of those that stand so: few of very many wait, and are found by an index. `mission_id` is NULL.
SELECT approval_id, tenant_id, mission_id, plan_hash, shown_hash, playbook, requested_by,
       correlation_id, tier, quorum, status, version, requested_at, expires_at, decided_at,
       decided_by, reason
  FROM approval_requests
 WHERE tenant_id = :tenant_id AND status = :status AND CAST(:mission_id AS text) IS NULL
   AND (CAST(:tier AS smallint) IS NULL OR tier = :tier)
   AND (CAST(:requested_by AS text) IS NULL OR requested_by = :requested_by)
   AND (CAST(:before AS text) IS NULL OR approval_id < :before)
 ORDER BY approval_id DESC
 LIMIT :limit;

-- list_requests_of_mission --
-- A page of those of one mission.
SELECT approval_id, tenant_id, mission_id, plan_hash, shown_hash, playbook, requested_by,
       correlation_id, tier, quorum, status, version, requested_at, expires_at, decided_at,
       decided_by, reason
  FROM approval_requests
 WHERE tenant_id = :tenant_id AND mission_id = :mission_id
   AND (CAST(:status AS text) IS NULL OR status = :status)
   AND (CAST(:tier AS smallint) IS NULL OR tier = :tier)
   AND (CAST(:requested_by AS text) IS NULL OR requested_by = :requested_by)
   AND (CAST(:before AS text) IS NULL OR approval_id < :before)
 ORDER BY approval_id DESC
 LIMIT :limit;

-- latest_of_mission --
-- The newest request of a mission, and what was granted on it.
SELECT approval_id, tenant_id, mission_id, plan_hash, shown_hash, playbook, requested_by,
       correlation_id, tier, quorum, status, version, requested_at, expires_at, decided_at,
       decided_by, reason, granted
  FROM approval_requests
 WHERE mission_id = :mission_id
 ORDER BY approval_id DESC
 LIMIT 1;

-- list_contracts --
-- The contracts of one request, in the order of the plan.
SELECT contract_id, action_id, contract_hash, contract
  FROM approval_contracts
 WHERE approval_id = :approval_id
 ORDER BY position;

-- list_votes --
-- The votes on some requests, oldest first.
SELECT approval_id, principal, choice, voted_at, reason, seat
  FROM approval_votes
 WHERE approval_id = ANY (CAST(:approval_ids AS text[]))
 ORDER BY voted_at, principal, choice;

-- insert_vote --
-- Count one person's choice once.
INSERT INTO approval_votes (approval_id, principal, choice, reason, voted_at, seat)
VALUES (:approval_id, :principal, :choice, :reason, :voted_at, :seat)
    ON CONFLICT DO NOTHING;

-- count_vote --
-- A vote that does not decide yet makes a new version. No row: another was faster.
UPDATE approval_requests
   SET version = version + 1
 WHERE approval_id = :approval_id AND status = (SELECT 'pending') AND version = :version;

-- close_request --
-- Decide a request. No row: another was faster.
UPDATE approval_requests
   SET status = :status, version = version + 1, decided_at = :decided_at,
       decided_by = CAST(:decided_by AS text[]), reason = :reason, granted = :granted
 WHERE approval_id = :approval_id AND status = (SELECT 'pending') AND version = :version;

-- expire_requests --
-- Close what nobody decided in time. Rows that somebody is just deciding are left to them.
UPDATE approval_requests
   SET status = 'expired', version = version + 1, decided_at = :now
 WHERE approval_id IN (
           SELECT approval_id
             FROM approval_requests
            WHERE status = 'pending' AND expires_at <= :now
            ORDER BY expires_at
            LIMIT :limit
              FOR UPDATE SKIP LOCKED
       )
   AND status = (SELECT 'pending')
RETURNING approval_id, tenant_id, mission_id, plan_hash, shown_hash, playbook, requested_by,
          correlation_id, tier, quorum, status, version, requested_at, expires_at, decided_at,
          decided_by, reason;

-- read_permit --
-- What workers may do now.
SELECT version, allowed, reverts_allowed FROM permits;

-- read_switch --
-- How the kill switch stands, and who turned it.
SELECT version, allowed, reverts_allowed, changed_at, changed_by, reason FROM permits;

-- lock_switch --
-- The same, and nobody else turns it until the transaction ends.
SELECT version, allowed, reverts_allowed, changed_at, changed_by, reason FROM permits FOR UPDATE;

-- turn_switch --
-- The next version of the switch, with its order. No row: another was faster.
WITH turned AS (
    UPDATE permits
       SET version = :version, allowed = :allowed, reverts_allowed = :reverts_allowed,
           changed_at = :changed_at, changed_by = :changed_by, reason = :reason
     WHERE version = :version - 1
    RETURNING version, NOT allowed AS is_on, NOT reverts_allowed AS hard, changed_by, changed_at,
              reason
)
INSERT INTO kill_switch_orders (version, is_on, hard, ordered_by, ordered_at, reason)
SELECT version, is_on, hard, changed_by, changed_at, reason FROM turned;

-- list_switch_orders --
-- The last orders, newest first.
SELECT version, is_on, hard, ordered_by, ordered_at, reason
  FROM kill_switch_orders
 ORDER BY version DESC
 LIMIT :limit;
