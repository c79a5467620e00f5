-- insert_key --
-- Keep a new key; its token is kept only as a hash. Made before, it gets another token, for nobody was
-- told the first. No row: somebody was, and has used it, or it is revoked.
INSERT INTO api_keys (
    key_id, tenant_id, principal, name, token_hash, scopes, created_by, expires_at, rate_limit
)
VALUES (
    :key_id, :tenant_id, :principal, :name, :token_hash, CAST(:scopes AS text[]), :created_by,
    :expires_at, :rate_limit
)
    ON CONFLICT (key_id) DO UPDATE
   SET token_hash = EXCLUDED.token_hash
 WHERE api_keys.tenant_id = EXCLUDED.tenant_id AND api_keys.last_used_at IS NULL
   AND api_keys.revoked_at IS NULL
RETURNING key_id, tenant_id, principal, name, scopes, created_by, created_at, expires_at,
          last_used_at, revoked_at, rate_limit;

-- seat_admin --
-- The operator's file is the authority on the admin key: it replaces what was there.
INSERT INTO api_keys (
    key_id, tenant_id, principal, name, token_hash, scopes, created_by, rate_limit
)
VALUES (
    :key_id, 'default', :principal, :name, :token_hash, CAST(:scopes AS text[]), :principal,
    :rate_limit
)
    ON CONFLICT (key_id) DO UPDATE
   SET token_hash = EXCLUDED.token_hash, scopes = EXCLUDED.scopes, principal = EXCLUDED.principal,
       rate_limit = EXCLUDED.rate_limit, expires_at = NULL, revoked_at = NULL;

-- find_keys --
-- The keys of tokens, with the database's clock to judge them by. (SELECT ..): planned once, not for each batch.
SELECT token_hash, key_id, tenant_id, principal, name, scopes, created_by, created_at, expires_at,
       last_used_at, revoked_at, rate_limit, now() AS now
  FROM api_keys
 WHERE token_hash = ANY (CAST((SELECT CAST(:token_hashes AS bytea[])) AS bytea[]));

-- touch_key --
-- Note that a key is used, at most once a minute: a read must not cost a write each time.
UPDATE api_keys
   SET last_used_at = now()
 WHERE key_id = :key_id AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute');

-- count_ending_keys --
-- Keys that end soon, or ended lately, and that somebody worked with in the month before: what comes once a week
-- must not be missed, and a watcher whose key has ended is silent. Not those that were made for a short time, nor
-- those in whose place another one of the same name is used.
SELECT count(*) FROM api_keys AS ending
 WHERE expires_at BETWEEN now() - CAST(:within AS interval) AND now() + CAST(:within AS interval)
   AND expires_at - created_at > CAST(:within AS interval)
   AND revoked_at IS NULL AND last_used_at > least(now(), expires_at) - interval '30 days'
   AND NOT EXISTS (
       SELECT FROM api_keys AS newer
        WHERE newer.tenant_id = ending.tenant_id AND newer.principal = ending.principal
          AND newer.name = ending.name AND newer.revoked_at IS NULL
          AND newer.expires_at > ending.expires_at AND newer.last_used_at > ending.last_used_at
   );

-- list_keys --
-- A page of a tenant's keys, newest first.
SELECT key_id, tenant_id, principal, name, scopes, created_by, created_at, expires_at,
       last_used_at, revoked_at, rate_limit
  FROM api_keys
 WHERE tenant_id = :tenant_id AND (CAST(:before AS text) IS NULL OR key_id < :before)
 ORDER BY key_id DESC
 LIMIT :limit;

-- revoke_key --
-- Close a key for good. No row: there is none of this tenant.
UPDATE api_keys
   SET revoked_at = coalesce(revoked_at, now())
 WHERE tenant_id = :tenant_id AND key_id = :key_id;

-- find_sealing_key --
-- What every replica seals with, made once by the migration.
SELECT value
  FROM sealing_keys
 WHERE name = :name;

-- claim_answer --
-- Take an Idempotency-Key. No row: somebody has it. One that expired is free again, and so is one
-- over whose same request a gateway died or failed: that began when it first came.
INSERT INTO idempotency_responses AS r (
    tenant_id, key_id, route, key, request_hash, claim_id, claimed_until, expires_at
)
VALUES (
    :tenant_id, :key_id, :route, :key, :request_hash, :claim_id,
    now() + CAST(:claim AS interval), now() + CAST(:lifetime AS interval)
)
    ON CONFLICT (tenant_id, key_id, route, key) DO UPDATE
   SET request_hash = EXCLUDED.request_hash, claim_id = EXCLUDED.claim_id,
       claimed_until = EXCLUDED.claimed_until, status = NULL, body = NULL,
       expires_at = CASE WHEN r.expires_at <= now() THEN EXCLUDED.expires_at ELSE r.expires_at END,
       created_at = CASE WHEN r.expires_at <= now() THEN now() ELSE r.created_at END
 WHERE r.expires_at <= now()
    OR (r.status IS NULL AND r.claimed_until <= now() AND r.request_hash = EXCLUDED.request_hash)
RETURNING created_at;

-- find_answer --
-- What is kept under an Idempotency-Key; without a status it is still in hand.
SELECT request_hash, status, body
  FROM idempotency_responses
 WHERE tenant_id = :tenant_id AND key_id = :key_id AND route = :route AND key = :key;

-- keep_answer --
-- Keep an answer for repeats. No row: the claim lapsed, and another request has it.
UPDATE idempotency_responses
   SET status = :status, body = :body
 WHERE tenant_id = :tenant_id AND key_id = :key_id AND route = :route AND key = :key
   AND claim_id = :claim_id AND status IS NULL;

-- lapse_answer --
-- Let a repeat of the very request run again: what failed may be done all the same, so it stays known.
UPDATE idempotency_responses
   SET claimed_until = now()
 WHERE tenant_id = :tenant_id AND key_id = :key_id AND route = :route AND key = :key
   AND claim_id = :claim_id AND status IS NULL;

-- release_answer --
-- Give a key back: what was never begun binds none. No row: it was claimed before, and may have been begun then.
DELETE FROM idempotency_responses
 WHERE tenant_id = :tenant_id AND key_id = :key_id AND route = :route AND key = :key
   AND claim_id = :claim_id AND status IS NULL
   AND created_at = claimed_until - CAST(:claim AS interval);

-- forget_answers --
-- Delete answers that nobody can ask for any more.
DELETE FROM idempotency_responses
 WHERE (tenant_id, key_id, route, key) IN (
           SELECT tenant_id, key_id, route, key
             FROM idempotency_responses
            WHERE expires_at <= now()
            LIMIT :most
       );
