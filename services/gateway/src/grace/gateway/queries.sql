-- insert_key --
-- Keep a new key; its token is kept only as a hash.
INSERT INTO api_keys (
    key_id, tenant_id, principal, name, token_hash, scopes, created_by, expires_at
)
VALUES (
    :key_id, :tenant_id, :principal, :name, :token_hash, CAST(:scopes AS text[]), :created_by,
    :expires_at
)
RETURNING key_id, tenant_id, principal, name, scopes, created_by, created_at, expires_at,
          last_used_at, revoked_at;

-- seat_admin --
-- The operator's file is the authority on the admin key: it replaces what was there.
INSERT INTO api_keys (key_id, tenant_id, principal, name, token_hash, scopes, created_by)
VALUES (
    :key_id, 'default', :principal, :name, :token_hash, CAST(:scopes AS text[]), :principal
)
    ON CONFLICT (key_id) DO UPDATE
   SET token_hash = EXCLUDED.token_hash, scopes = EXCLUDED.scopes, principal = EXCLUDED.principal,
       expires_at = NULL, revoked_at = NULL;

-- find_key --
-- The key of a token, with the database's clock to judge it by.
SELECT key_id, tenant_id, principal, name, scopes, created_by, created_at, expires_at,
       last_used_at, revoked_at, now() AS now
  FROM api_keys
 WHERE token_hash = :token_hash;

-- touch_key --
-- Note that a key is used, at most once a minute: a read must not cost a write each time.
UPDATE api_keys
   SET last_used_at = now()
 WHERE key_id = :key_id AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute');

-- list_keys --
-- A page of a tenant's keys, newest first.
SELECT key_id, tenant_id, principal, name, scopes, created_by, created_at, expires_at,
       last_used_at, revoked_at
  FROM api_keys
 WHERE tenant_id = :tenant_id AND (CAST(:before AS text) IS NULL OR key_id < :before)
 ORDER BY key_id DESC
 LIMIT :limit;

-- revoke_key --
-- Close a key for good. No row: there is none of this tenant.
UPDATE api_keys
   SET revoked_at = coalesce(revoked_at, now())
 WHERE tenant_id = :tenant_id AND key_id = :key_id;
