-- lock_component --
-- One rotation at a time for a component; released at the end of the transaction.
SELECT pg_advisory_xact_lock(hashtextextended('identity.key.' || :component, 0));

-- active_key --
-- The key that a component signs with.
SELECT key_id, component, public_key, status, created_at, expires_at
  FROM component_crypto_identities WHERE component = :component AND status = 'active';

-- retire_key --
-- From now on it only verifies.
UPDATE component_crypto_identities SET status = 'retired' WHERE key_id = :key_id AND status = (SELECT 'active');

-- insert_identity --
-- A new public key; the announcement follows.
INSERT INTO component_crypto_identities (key_id, component, public_key, status, reason, previous, expires_at)
VALUES (:key_id, :component, :public_key, 'active', :reason, :previous, now() + CAST(:lifetime AS interval))
RETURNING key_id, component, public_key, status, created_at, expires_at;

-- insert_private_key --
-- Its private half, encrypted.
INSERT INTO crypto_key_store (key_id, component, suite, wrapped_key, ciphertext)
VALUES (:key_id, :component, :suite, :wrapped_key, :ciphertext);

-- private_key --
-- The encrypted private half of a key.
SELECT suite, wrapped_key, ciphertext FROM crypto_key_store WHERE key_id = :key_id;

-- newest_private_key --
-- What a master key must open before it may close anything.
SELECT key_id, component, suite, wrapped_key, ciphertext
  FROM crypto_key_store ORDER BY created_at DESC, key_id DESC LIMIT 1;

-- registry --
-- Every public key.
SELECT key_id, component, public_key, status, created_at, expires_at
  FROM component_crypto_identities ORDER BY created_at, key_id;

-- public_keys --
-- The public halves of these keys, whatever their status.
SELECT key_id, component, public_key FROM component_crypto_identities WHERE key_id = ANY(CAST(:key_ids AS text[]));

-- unrecorded_keys --
-- Keys of which the log lacks the beginning or the end. Whoever asks holds the log.
SELECT k.key_id, k.component, k.public_key, k.status, k.created_at, k.expires_at, k.created_at = now() AS is_new,
       k.recorded <> 'none' AS is_registered,
       coalesce((SELECT min(n.created_at) FROM component_crypto_identities n WHERE n.previous = k.key_id), now()) AS ended_at
  FROM component_crypto_identities k
 WHERE k.recorded = 'none' OR (k.recorded = 'registered' AND k.status <> 'active')
 ORDER BY k.created_at, k.key_id
   FOR UPDATE OF k SKIP LOCKED;

-- has_unrecorded_keys --
-- Whether the log lacks anything of a key.
SELECT EXISTS (SELECT FROM component_crypto_identities
                WHERE recorded = 'none' OR (recorded = 'registered' AND status <> 'active'));

-- mark_recorded --
-- The log has all that there is to say of these keys as they are.
UPDATE component_crypto_identities SET recorded = CASE status WHEN 'active' THEN 'registered' ELSE 'ended' END
 WHERE key_id = ANY(CAST(:key_ids AS text[]));

-- announce --
-- Keys that nobody was told of yet; marked in the same transaction that tells.
UPDATE component_crypto_identities SET announced = true
 WHERE key_id IN (SELECT key_id FROM component_crypto_identities WHERE NOT announced FOR UPDATE SKIP LOCKED)
RETURNING key_id, component, reason, previous, expires_at;

-- lock_log --
-- The one sequencer; the log's state as it is.
SELECT size, edge FROM log_state FOR UPDATE;

-- contiguous --
-- How far each producer's rows are in the log. (SELECT ..) hides from the planner how many are asked for: it
-- would plan each question anew.
SELECT producer, contiguous FROM log_producers
 WHERE producer = ANY(CAST((SELECT CAST(:producers AS text[])) AS text[]));

-- held --
-- What the log holds under these numbers.
SELECT audit_no, message_id FROM immutable_log
 WHERE producer = :producer AND audit_no = ANY(CAST(:numbers AS bigint[]));

-- append_log --
-- The rows in their global order, the subtrees that they complete, which never change and are what proofs are read
-- from, how far their producers are, and the tree's right edge: one statement for one growth.
WITH leaves AS (
    INSERT INTO immutable_log (log_index, producer, audit_no, message_id, subject, body, key_id, signature, leaf_hash)
    SELECT * FROM unnest(
        CAST(:indexes AS bigint[]), CAST(:producers AS text[]), CAST(:numbers AS bigint[]), CAST(:ids AS uuid[]),
        CAST(:subjects AS text[]), CAST(:bodies AS bytea[]), CAST(:keys AS text[]), CAST(:signatures AS bytea[]),
        CAST(:hashes AS bytea[]))),
     trees AS (
    INSERT INTO log_subtrees (level, index, hash)
    SELECT * FROM unnest(CAST(:tree_levels AS smallint[]), CAST(:tree_indexes AS bigint[]),
                         CAST(:tree_hashes AS bytea[]))),
     known AS (
    INSERT INTO log_producers (producer, contiguous)
    SELECT * FROM unnest(CAST(:held_producers AS text[]), CAST(:held_numbers AS bigint[]))
    ON CONFLICT (producer) DO UPDATE SET contiguous = excluded.contiguous)
UPDATE log_state SET size = :size, edge = CAST(:edge AS bytea[]);

-- log_state --
-- The tree's right edge, for reading.
SELECT size, edge FROM log_state;

-- newest_checkpoint --
-- The checkpoint with the largest tree.
SELECT size, root, note FROM checkpoints ORDER BY size DESC LIMIT 1;

-- checkpoint_at --
-- The smallest checkpoint that covers a tree size.
SELECT size, root, note FROM checkpoints WHERE size >= :size ORDER BY size LIMIT 1;

-- insert_checkpoint --
-- A signed head; the same size is signed once.
INSERT INTO checkpoints (size, root, note) VALUES (:size, :root, :note) ON CONFLICT DO NOTHING RETURNING size;

-- entry_by_index --
-- One entry.
SELECT log_index, producer, subject, message_id, body, key_id, signature, leaf_hash, audit_no, at
  FROM immutable_log WHERE log_index = :log_index;

-- entry_by_message --
-- The entry of a message.
SELECT log_index, producer, subject, message_id, body, key_id, signature, leaf_hash, audit_no, at
  FROM immutable_log WHERE message_id = :message_id ORDER BY log_index LIMIT 1;

-- entries --
-- A page of entries in order.
SELECT log_index, producer, subject, message_id, body, key_id, signature, audit_no, at
  FROM immutable_log WHERE log_index >= :start ORDER BY log_index LIMIT :most;

-- subtrees --
-- The subtrees that a proof needs.
SELECT s.level, s.index, s.hash FROM log_subtrees s
  JOIN unnest(CAST(:levels AS smallint[]), CAST(:indexes AS bigint[])) AS w (level, index)
    ON s.level = w.level AND s.index = w.index;
