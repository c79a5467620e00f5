-- claim_keys --
-- Keep the keys of requests that are new; of two with one key the first counts. Waits for whoever claims the same one.
INSERT INTO ingest_keys (tenant_id, key, request_hash)
SELECT tenant_id, key, request_hash
  FROM unnest(CAST(:tenants AS text[]), CAST(:keys AS text[]), CAST(:requests AS text[])) WITH ORDINALITY
       AS given (tenant_id, key, request_hash, place)
 ORDER BY tenant_id, key, place
    ON CONFLICT (tenant_id, key) DO NOTHING;

-- find_keys --
-- The request that each key stands for.
SELECT tenant_id, key, request_hash
  FROM ingest_keys
  JOIN unnest(CAST(:tenants AS text[]), CAST(:keys AS text[])) AS given (tenant_id, key) USING (tenant_id, key);

-- forget_keys --
-- Forget some keys of requests that are too long ago to come again.
DELETE FROM ingest_keys
 WHERE (tenant_id, key) IN (
       SELECT tenant_id, key FROM ingest_keys
        WHERE created_at < now() - CAST(:keep AS interval)
        ORDER BY created_at LIMIT :most)
RETURNING key;

-- add_artifacts --
-- Store contents that are new to their tenants; of equal ones the first counts. A content without a row was there.
INSERT INTO artifacts (
       id, tenant_id, title, artifact_type, actor, content, content_hash, data_size_bytes, origin, language)
SELECT id, tenant_id, title, artifact_type, actor, content, content_hash, data_size_bytes, origin, language
  FROM unnest(
       CAST(:ids AS uuid[]), CAST(:tenants AS text[]), CAST(:titles AS text[]), CAST(:types AS text[]),
       CAST(:actors AS text[]), CAST(:contents AS text[]), CAST(:hashes AS text[]), CAST(:sizes AS bigint[]),
       CAST(:origins AS text[]), CAST(:languages AS text[])) WITH ORDINALITY
       AS given (id, tenant_id, title, artifact_type, actor, content, content_hash, data_size_bytes, origin,
                 language, place)
 ORDER BY tenant_id, content_hash, place
    ON CONFLICT (tenant_id, content_hash) DO NOTHING
RETURNING id;

-- add_chunks --
-- Store passages of artifacts that this transaction has stored. Each waits for its vector at once: the trigger await_vectors sees to it.
INSERT INTO chunks (artifact_id, position, tenant_id, language, heading, start_offset, end_offset, text)
SELECT * FROM unnest(
       CAST(:artifacts AS uuid[]), CAST(:positions AS bigint[]), CAST(:tenants AS text[]),
       CAST(:languages AS text[]), CAST(:headings AS text[]), CAST(:starts AS bigint[]), CAST(:ends AS bigint[]),
       CAST(:texts AS text[]));

-- find_by_content --
-- The artifacts with these contents, each with the number of its passages.
SELECT a.id, a.tenant_id, a.content_hash, a.data_size_bytes, a.created_at,
       (SELECT count(*) FROM chunks c WHERE c.artifact_id = a.id) AS chunk_count
  FROM artifacts a
  JOIN unnest(CAST(:tenants AS text[]), CAST(:hashes AS text[])) AS given (tenant_id, content_hash)
       USING (tenant_id, content_hash);

-- find_artifact --
-- One artifact of a tenant. No row: it has none of this id.
SELECT a.id, a.title, a.artifact_type, a.actor, a.content, a.content_hash, a.data_size_bytes, a.origin, a.language,
       a.version, a.created_at, (SELECT count(*) FROM chunks c WHERE c.artifact_id = a.id) AS chunk_count
  FROM artifacts a
 WHERE a.tenant_id = :tenant AND a.id = :id;

-- search_chunks --
-- The passages that fit best: above one half those with every word, below those with some. Each language reads the query its own way.
-- How near the words are to each other is asked of few words only: its price grows with their square, passage by passage.
WITH RECURSIVE spoken AS (
    SELECT min(language) AS language FROM artifacts WHERE tenant_id = :tenant
     UNION ALL
    SELECT (SELECT min(a.language) FROM artifacts a WHERE a.tenant_id = :tenant AND a.language > s.language)
      FROM spoken s
     WHERE s.language IS NOT NULL
), configured AS (
    SELECT language, CAST('pg_catalog.' || language AS regconfig) AS config FROM spoken WHERE language IS NOT NULL
), asked AS MATERIALIZED (
    SELECT language, config, websearch_to_tsquery(config, :every) AS every,
           websearch_to_tsquery(config, coalesce(CAST(:some AS text), :every)) AS some,
           numnode(websearch_to_tsquery(config, :every)) > 60 AS is_long  -- about thirty words
      FROM configured
), found AS (
    SELECT c.artifact_id, c.position, c.start_offset, c.end_offset, c.text, asked.config, asked.some,
           CASE WHEN NOT c.terms @@ asked.every THEN ts_rank('{1, 1, 1, 1}', c.terms, asked.some, 32) / 2
                WHEN asked.is_long THEN 0.5 + ts_rank('{1, 1, 1, 1}', c.terms, asked.every, 32) / 2
                ELSE 0.5 + ts_rank_cd('{1, 1, 1, 1}', c.terms, asked.every, 32) / 2
           END AS similarity
      FROM asked
      JOIN chunks c ON c.terms @@ asked.some AND c.language = asked.language
     WHERE c.tenant_id = :tenant
     ORDER BY similarity DESC, c.artifact_id, c.position
     LIMIT :most
)
SELECT f.artifact_id, a.title, a.artifact_type, f.position, f.start_offset, f.end_offset, f.text, f.similarity,
       ts_headline(f.config, f.text, f.some, 'StartSel=**, StopSel=**, MaxWords=35, MinWords=15') AS highlight
  FROM found f
  JOIN artifacts a ON a.id = f.artifact_id
 ORDER BY f.similarity DESC, f.artifact_id, f.position;

-- finds_words --
-- Whether any language of a tenant finds a word in the query that it could look for. No row of them: there is no text.
SELECT coalesce(bool_or(numnode(websearch_to_tsquery(CAST('pg_catalog.' || language AS regconfig), :every)) > 0), true)
  FROM (SELECT DISTINCT language FROM artifacts WHERE tenant_id = :tenant) AS spoken;

-- coverage --
-- How much a tenant has, and how many passages no word can find.
SELECT (SELECT count(*) FROM artifacts WHERE tenant_id = :tenant) AS artifacts,
       (SELECT count(*) FROM chunks WHERE tenant_id = :tenant) AS chunks,
       (SELECT count(*) FROM chunks WHERE tenant_id = :tenant AND terms = '') AS silent;

-- has_vectors --
-- Whether pgvector is here, of the version that goes on where it met other tenants', and the index that needs it.
SELECT to_regclass('embeddings_nearest') IS NOT NULL
   AND EXISTS (SELECT FROM pg_extension
                WHERE extname = 'vector' AND CAST(string_to_array(extversion, '.') AS integer[]) >= CAST('{0,8}' AS integer[]));

-- claim_waiting --
-- Take passages that wait for their vectors, and keep other replicas off them for a while.
WITH due AS (
    SELECT artifact_id, position FROM embeddings
     WHERE next_at <= now() ORDER BY next_at LIMIT :most FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE embeddings e SET next_at = now() + CAST(:claim_for AS interval), attempts = e.attempts + 1
  FROM due, chunks c
 WHERE e.artifact_id = due.artifact_id AND e.position = due.position
   AND c.artifact_id = e.artifact_id AND c.position = e.position
RETURNING e.artifact_id, e.position, c.heading, c.text, e.attempts;

-- keep_embeddings --
-- Store vectors of passages that have none yet.
UPDATE embeddings e
   SET embedding = CAST(given.embedding AS real[]), embedder = :embedder, embedded_at = now(), copied_to = '',
       next_at = NULL, failure = NULL, tried_by = '', given_up_at = NULL
  FROM unnest(CAST(:artifacts AS uuid[]), CAST(:positions AS bigint[]), CAST(:embeddings AS text[]))
       AS given (artifact_id, position, embedding)
 WHERE e.artifact_id = given.artifact_id AND e.position = given.position AND e.embedding IS NULL;

-- note_failure --
-- A passage got no vector from this embedder: it waits again, or is given up where no time is given. What has no word is not given up:
-- there is nothing to be had of it.
UPDATE embeddings
   SET failure = :failure, tried_by = :embedder, next_at = now() + CAST(:again_in AS interval),
       given_up_at = CASE WHEN CAST(:again_in AS interval) IS NULL AND NOT CAST(:is_wordless AS boolean) THEN now() END
 WHERE artifact_id = :artifact_id AND position = :position AND embedding IS NULL;

-- lock_artifacts --
-- Who stores the last vector of an artifact sees all the others: two who store at once come one after the other.
SELECT pg_advisory_xact_lock(hashtextextended('grace.knowledge.' || id, 0))
  FROM unnest(CAST(:artifacts AS uuid[])) AS given (id);

-- finished_artifacts --
-- Those of these artifacts of which every passage has its vector.
SELECT artifact_id, min(tenant_id) AS tenant_id, count(*) AS chunk_count
  FROM embeddings
 WHERE artifact_id = ANY (CAST(:artifacts AS uuid[]))
 GROUP BY artifact_id
HAVING bool_and(embedder IS NOT DISTINCT FROM :embedder);

-- begin_anew --
-- Passages that another embedder has read wait again, since its vectors are of another space, and those that another got nothing of.
UPDATE embeddings
   SET embedding = NULL, embedder = NULL, embedded_at = NULL, attempts = 0, failure = NULL, next_at = now(), tried_by = '',
       given_up_at = NULL
 WHERE (artifact_id, position) IN (
       (SELECT artifact_id, position FROM embeddings WHERE embedder < :embedder LIMIT :most)
        UNION ALL
       (SELECT artifact_id, position FROM embeddings WHERE embedder > :embedder LIMIT :most)
        UNION ALL
       (SELECT artifact_id, position FROM embeddings
         WHERE embedder IS NULL AND next_at IS NULL AND tried_by < :embedder LIMIT :most)
        UNION ALL
       (SELECT artifact_id, position FROM embeddings
         WHERE embedder IS NULL AND next_at IS NULL AND tried_by > :embedder LIMIT :most));

-- are_alone --
-- Whether no passage has a vector of another embedder.
SELECT NOT EXISTS (SELECT FROM embeddings WHERE embedder < :embedder)
   AND NOT EXISTS (SELECT FROM embeddings WHERE embedder > :embedder);

-- try_again --
-- Passages that this embedder gave up so long ago wait again. They keep their attempts: one more failure and they are given up.
UPDATE embeddings SET next_at = now(), given_up_at = NULL
 WHERE (artifact_id, position) IN (
       SELECT artifact_id, position FROM embeddings
        WHERE embedder IS NULL AND next_at IS NULL AND tried_by = :embedder
          AND given_up_at < now() - CAST(:after AS interval)
        ORDER BY given_up_at LIMIT :most);

-- count_waiting --
-- How many passages of all tenants wait for their vectors.
SELECT count(*) FROM embeddings WHERE next_at IS NOT NULL;

-- count_given_up --
-- How many passages of all tenants this embedder has given up.
SELECT count(*) FROM embeddings
 WHERE embedder IS NULL AND next_at IS NULL AND tried_by = :embedder AND given_up_at IS NOT NULL;

-- count_embeddings --
-- How many passages of a tenant have vectors of this embedder, as far as anybody wants to know.
SELECT count(*) FROM (SELECT FROM embeddings WHERE tenant_id = :tenant AND embedder = :embedder LIMIT :most) AS found;

-- nearest_of_all --
-- The passages nearest to a vector, by comparing all that a tenant has.
WITH own AS MATERIALIZED (
    SELECT artifact_id, position,
           1 - (CAST(embedding AS vector(384)) <=> CAST(CAST(CAST(:vector AS text) AS real[]) AS vector(384))) AS similarity
      FROM embeddings
     WHERE tenant_id = :tenant AND embedder = :embedder
), near AS (
    SELECT * FROM own ORDER BY similarity DESC, artifact_id, position LIMIT :most
)
SELECT n.artifact_id, a.title, a.artifact_type, n.position, c.start_offset, c.end_offset, c.text, n.similarity,
       ts_headline(CAST('pg_catalog.' || c.language AS regconfig), c.text,
                   websearch_to_tsquery(CAST('pg_catalog.' || c.language AS regconfig), :words),
                   'StartSel=**, StopSel=**, MaxWords=35, MinWords=15') AS highlight
  FROM near n
  JOIN artifacts a ON a.id = n.artifact_id
  JOIN chunks c ON c.artifact_id = n.artifact_id AND c.position = n.position
 ORDER BY n.similarity DESC, n.artifact_id, n.position;

-- describe_near --
-- The nearest passages that another index has brought, as far as they are there, the tenant's and of this embedder.
WITH living AS (
    SELECT near.artifact_id, near.position, near.similarity
      FROM unnest(CAST(:artifacts AS uuid[]), CAST(:positions AS bigint[]), CAST(:similarities AS double precision[]))
           AS near (artifact_id, position, similarity)
      JOIN embeddings e ON e.artifact_id = near.artifact_id AND e.position = near.position
     WHERE e.tenant_id = :tenant AND e.embedder = :embedder
     ORDER BY near.similarity DESC, near.artifact_id, near.position
     LIMIT :most
)
SELECT l.artifact_id, a.title, a.artifact_type, l.position, c.start_offset, c.end_offset, c.text, l.similarity,
       ts_headline(CAST('pg_catalog.' || c.language AS regconfig), c.text,
                   websearch_to_tsquery(CAST('pg_catalog.' || c.language AS regconfig), :words),
                   'StartSel=**, StopSel=**, MaxWords=35, MinWords=15') AS highlight
  FROM living l
  JOIN artifacts a ON a.id = l.artifact_id
  JOIN chunks c ON c.artifact_id = l.artifact_id AND c.position = l.position
 ORDER BY l.similarity DESC, l.artifact_id, l.position;

-- find_uncopied --
-- Vectors that a place has no copy of.
SELECT artifact_id, position, tenant_id, embedding FROM (
       (SELECT artifact_id, position, tenant_id, embedding FROM embeddings
         WHERE copied_to < :place AND embedder = :embedder LIMIT :most)
        UNION ALL
       (SELECT artifact_id, position, tenant_id, embedding FROM embeddings
         WHERE copied_to > :place AND embedder = :embedder LIMIT :most)) AS found;

-- count_uncopied --
-- Of how many vectors of all tenants a place has no copy.
SELECT (SELECT count(*) FROM embeddings WHERE copied_to < :place AND embedder = :embedder)
     + (SELECT count(*) FROM embeddings WHERE copied_to > :place AND embedder = :embedder);

-- mark_copied --
-- A place has these now, as far as they are of this embedder still.
UPDATE embeddings e SET copied_to = :place
  FROM unnest(CAST(:artifacts AS uuid[]), CAST(:positions AS bigint[])) AS given (artifact_id, position)
 WHERE e.artifact_id = given.artifact_id AND e.position = given.position AND e.embedder = :embedder;

-- forget_copies --
-- A place has lost what it had, whichever embedder made it.
UPDATE embeddings SET copied_to = ''
 WHERE (artifact_id, position) IN (
       SELECT artifact_id, position FROM embeddings WHERE copied_to = :place LIMIT :most);

-- look_further --
-- Until this transaction ends the index goes on where those that it found are other tenants'.
SELECT set_config('hnsw.iterative_scan', 'strict_order', true);

-- nearest_by_index --
-- The same by the index, which finds nearly all that are nearest.
WITH near AS MATERIALIZED (
    SELECT artifact_id, position,
           1 - (CAST(embedding AS vector(384)) <=> CAST(CAST(CAST(:vector AS text) AS real[]) AS vector(384))) AS similarity
      FROM embeddings
     WHERE tenant_id = :tenant AND embedder = :embedder
     ORDER BY CAST(embedding AS vector(384)) <=> CAST(CAST(CAST(:vector AS text) AS real[]) AS vector(384))
     LIMIT :most
)
SELECT n.artifact_id, a.title, a.artifact_type, n.position, c.start_offset, c.end_offset, c.text, n.similarity,
       ts_headline(CAST('pg_catalog.' || c.language AS regconfig), c.text,
                   websearch_to_tsquery(CAST('pg_catalog.' || c.language AS regconfig), :words),
                   'StartSel=**, StopSel=**, MaxWords=35, MinWords=15') AS highlight
  FROM near n
  JOIN artifacts a ON a.id = n.artifact_id
  JOIN chunks c ON c.artifact_id = n.artifact_id AND c.position = n.position
 ORDER BY n.similarity DESC, n.artifact_id, n.position;
