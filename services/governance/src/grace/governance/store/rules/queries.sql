-- policies_revision --
-- The number that rises whenever any document of policies changes.
SELECT coalesce(max(revision), 0) FROM policies;

-- lock_policies --
-- Who changes policies does so alone: a document is checked beside all others.
SELECT pg_advisory_xact_lock(hashtextextended('grace.governance.policies', 0));

-- hold_policies --
-- Who grants by the policies in force does so before they change, or after.
SELECT pg_advisory_xact_lock_shared(hashtextextended('grace.governance.policies', 0));

-- current_policies --
-- The newest version of every document, those that were taken back included.
SELECT DISTINCT ON (name) revision, name, version, kind, text, made_by, made_at, reason
  FROM policies
 ORDER BY name, version DESC;

-- policy_versions --
-- Every version of one document, newest first.
SELECT revision, name, version, kind, text, made_by, made_at, reason
  FROM policies
 WHERE name = :name
 ORDER BY version DESC
 LIMIT :limit;

-- insert_policy --
-- Keep a new version of a document for good. No row: another was faster.
INSERT INTO policies (name, version, kind, text, made_by, made_at, reason)
VALUES (:name, :version, :kind, :text, :made_by, :made_at, :reason)
    ON CONFLICT (name, version) DO NOTHING
RETURNING revision;

-- insert_rulings --
-- Keep what the policies made of plans, and all that they knew of them.
INSERT INTO rulings (
    approval_id, tenant_id, mission_id, ruled_at, outcome, tier, quorum, because, rules,
    rulebook_hash, facts
)
SELECT new.approval_id, new.tenant_id, new.mission_id, new.ruled_at, new.outcome, new.tier,
       new.quorum, ARRAY (SELECT jsonb_array_elements_text(new.because)),
       ARRAY (SELECT jsonb_array_elements_text(new.rules)), new.rulebook_hash, new.facts
  FROM unnest(
           CAST(:approval_id AS text[]), CAST(:tenant_id AS text[]), CAST(:mission_id AS text[]),
           CAST(:ruled_at AS timestamptz[]), CAST(:outcome AS text[]), CAST(:tier AS smallint[]),
           CAST(:quorum AS smallint[]), CAST(:because AS jsonb[]), CAST(:rules AS jsonb[]),
           CAST(:rulebook_hash AS text[]), CAST(:facts AS jsonb[])
       ) AS new (
           approval_id, tenant_id, mission_id, ruled_at, outcome, tier, quorum, because, rules,
           rulebook_hash, facts
       );

-- find_ruling --
-- What the policies made of one plan of a tenant.
SELECT approval_id, tenant_id, mission_id, ruled_at, outcome, tier, quorum, because, rules,
       rulebook_hash, facts
  FROM rulings
 WHERE tenant_id = :tenant_id AND approval_id = :approval_id;

-- list_rulings --
-- A page of a tenant's rulings, newest first.
SELECT approval_id, tenant_id, mission_id, ruled_at, outcome, tier, quorum, because, rules,
       rulebook_hash, facts
  FROM rulings
 WHERE tenant_id = :tenant_id
   AND (CAST(:outcome AS text) IS NULL OR outcome = :outcome)
   AND (CAST(:before AS text) IS NULL OR approval_id < :before)
 ORDER BY approval_id DESC
 LIMIT :limit;

-- rulings_since --
-- Rulings of all tenants in the order of their time, from behind a place on.
SELECT approval_id, tenant_id, mission_id, ruled_at, outcome, tier, quorum, because, rules,
       rulebook_hash, facts
  FROM rulings
 WHERE (ruled_at, approval_id) > (CAST(:after_at AS timestamptz), CAST(:after_id AS text))
   AND ruled_at <= :until
 ORDER BY ruled_at, approval_id
 LIMIT :limit;

-- rulings_of_mission --
-- What the policies made of the plans of one mission, newest first.
SELECT ruling.approval_id, ruling.tenant_id, ruling.mission_id, ruling.ruled_at, ruling.outcome,
       ruling.tier, ruling.quorum, ruling.because, ruling.rules, ruling.rulebook_hash, ruling.facts
  FROM approval_requests AS asked
  JOIN rulings AS ruling ON ruling.approval_id = asked.approval_id
 WHERE asked.tenant_id = :tenant_id AND asked.mission_id = :mission_id
 ORDER BY asked.approval_id DESC
 LIMIT :limit;
