-- lock_records --
-- The records of these playbooks, made where there is none, and locked: their contracts are counted one batch at a time.
INSERT INTO playbook_statistics (tenant_id, playbook)
SELECT tenant_id, playbook
  FROM unnest(CAST(:tenants AS text[]), CAST(:playbooks AS text[])) AS named (tenant_id, playbook)
 ORDER BY tenant_id, playbook
    ON CONFLICT (tenant_id, playbook) DO UPDATE SET playbook = excluded.playbook
RETURNING tenant_id, playbook, total_executions, successful_executions;

-- known_revisions --
-- Every stored revision of these contracts.
SELECT contract_id, revision, tenant_id, playbook, succeeded
  FROM outcome_records
 WHERE contract_id = ANY(CAST(:contract_ids AS text[]));

-- add_outcomes --
-- Keep outcomes for good.
INSERT INTO outcome_records (
       contract_id, revision, mission_id, tenant_id, playbook, playbook_version, operation, target, verdict,
       confidence, executed, succeeded, closed_at)
SELECT * FROM unnest(
       CAST(:contract_ids AS text[]), CAST(:revisions AS bigint[]), CAST(:mission_ids AS text[]),
       CAST(:tenants AS text[]), CAST(:playbooks AS text[]), CAST(:versions AS bigint[]),
       CAST(:operations AS text[]), CAST(:targets AS text[]), CAST(:verdicts AS text[]),
       CAST(:confidences AS double precision[]), CAST(:executed AS boolean[]), CAST(:succeeded AS boolean[]),
       CAST(:closed_at AS timestamptz[]));

-- set_records --
-- The records as they are after this batch; their locks are held. (SELECT ..): planned once, not for each batch.
UPDATE playbook_statistics AS s
   SET total_executions = r.total, successful_executions = r.successful, updated_at = now()
  FROM unnest((SELECT CAST(:tenants AS text[])), CAST(:playbooks AS text[]), CAST(:totals AS bigint[]),
              CAST(:successes AS bigint[])) AS r (tenant_id, playbook, total, successful)
 WHERE s.tenant_id = r.tenant_id AND s.playbook = r.playbook;

-- list_records --
-- The records of a tenant's playbooks, each with the outcomes of all of them, listed or not.
SELECT tenant_id, playbook, total_executions, successful_executions, updated_at,
       CAST(sum(total_executions) OVER () AS bigint) AS outcomes
  FROM playbook_statistics
 WHERE tenant_id = :tenant AND total_executions > 0
 ORDER BY playbook
 LIMIT :most;
