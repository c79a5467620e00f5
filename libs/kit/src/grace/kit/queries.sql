-- now --
-- The database's clock, fixed for the transaction.
SELECT now();

-- lock_request --
-- Let repeats of one request come one after the other; held until the transaction ends.
SELECT pg_advisory_xact_lock(hashtextextended(CAST(CAST(:id AS uuid) AS text), 0));

-- insert_outbox --
-- What others must learn of this transaction. Not back comes what an earlier one has told under the same id.
INSERT INTO outbox (id, subject, stream, schema, tenant_id, correlation_id, traceparent, body, key_id, signature, audited)
SELECT * FROM unnest(
    CAST(:ids AS uuid[]), CAST(:subjects AS text[]), CAST(:streams AS text[]), CAST(:schemas AS text[]),
    CAST(:tenants AS text[]), CAST(:correlations AS text[]), CAST(:traces AS text[]),
    CAST(:bodies AS bytea[]), CAST(:keys AS text[]), CAST(:signatures AS bytea[]), CAST(:audited AS boolean[]))
ON CONFLICT (id) DO NOTHING
RETURNING id;

-- mark_received --
-- Remember message ids; only those that are new come back.
INSERT INTO inbox (consumer, message_id)
SELECT :consumer, id FROM unnest(CAST(:ids AS uuid[])) AS id
ON CONFLICT DO NOTHING
RETURNING message_id;

-- insert_quarantine --
-- Keep what could not be handled; the same message is kept once per consumer.
INSERT INTO quarantine (id, subject, message_id, consumer, reason, detail, headers, body)
SELECT * FROM unnest(
    CAST(:ids AS uuid[]), CAST(:subjects AS text[]), CAST(:message_ids AS text[]), CAST(:consumers AS text[]),
    CAST(:reasons AS text[]), CAST(:details AS text[]), CAST(:headers AS jsonb[]), CAST(:bodies AS bytea[]))
ON CONFLICT DO NOTHING
RETURNING id;

-- quarantined --
-- What is kept, newest first, behind a place.
SELECT id, subject, coalesce(message_id, '') AS message_id, consumer, reason, detail,
       coalesce(headers ->> 'Grace-Schema', '') AS message_schema, coalesce(headers ->> 'Grace-Key-Id', '') AS key_id,
       coalesce(headers ->> 'Grace-Tenant', '') AS tenant_id,
       octet_length(body) AS kept_bytes, encode(sha256(body), 'hex') AS sha256, received_at
  FROM quarantine
 WHERE CAST(:before_at AS timestamptz) IS NULL OR (received_at, id) < (:before_at, CAST(:before_id AS uuid))
 ORDER BY received_at DESC, id DESC LIMIT :most;

-- read_quarantined --
-- One message of the quarantine.
SELECT id, subject, coalesce(message_id, '') AS message_id, consumer, reason, headers, body,
       encode(sha256(body), 'hex') AS sha256, received_at
  FROM quarantine WHERE id = :id;

-- drop_quarantined --
-- Let a message go out of the quarantine. 0 rows: somebody has done so.
DELETE FROM quarantine WHERE id = :id;

-- unsent --
-- The oldest rows that these streams have not acknowledged, and that are not under way to them.
SELECT id, subject, stream, schema, tenant_id, correlation_id, traceparent, body, key_id, signature
  FROM outbox
 WHERE sent_at IS NULL AND stream = ANY(CAST(:streams AS text[])) AND id <> ALL(CAST(:under_way AS uuid[]))
 ORDER BY position LIMIT :most;

-- mark_sent --
-- These were acknowledged by their streams; those that the log is to have get their numbers with it, in the
-- order of the table. Rows change once for both, and their indexes with them.
-- The counter is locked first, then the rows in the order of the others who lock them. Whoever numbered
-- some meanwhile is seen: a locked row is read again.
WITH counter AS MATERIALIZED (SELECT last_no FROM relay_audit FOR UPDATE),
     held AS MATERIALIZED (
        SELECT position, audited AND audit_no IS NULL AS is_fresh FROM outbox
         WHERE id = ANY(CAST(:ids AS uuid[])) AND (sent_at IS NULL) = (SELECT true) AND (SELECT last_no FROM counter) IS NOT NULL
         ORDER BY position FOR NO KEY UPDATE OF outbox),
     numbered AS (
        SELECT position,
               CASE WHEN is_fresh THEN (SELECT last_no FROM counter)
                                       + count(*) FILTER (WHERE is_fresh) OVER (ORDER BY position) END AS audit_no
          FROM held),
     marked AS (
        UPDATE outbox o SET sent_at = now(), audit_no = coalesce(o.audit_no, n.audit_no)
          FROM numbered n WHERE o.position = n.position
        RETURNING n.audit_no)
UPDATE relay_audit SET last_no = greatest(last_no, (SELECT max(audit_no) FROM marked))
 WHERE EXISTS (SELECT FROM marked WHERE audit_no IS NOT NULL);

-- known_streams --
-- What the streams looked like when they were last seen.
SELECT stream, created, last_sequence FROM relay_streams;

-- remember_stream --
-- A stream as it is now.
INSERT INTO relay_streams (stream, created, last_sequence) VALUES (:stream, :created, :last_sequence)
ON CONFLICT (stream) DO UPDATE SET created = excluded.created, last_sequence = excluded.last_sequence;

-- next_piece --
-- Where the next rows of the outbox end, and how old the oldest of them is.
SELECT max(position) AS upto, now() - min(created_at) AS age
  FROM (SELECT position, created_at FROM outbox WHERE position > :after ORDER BY position LIMIT :most) AS next;

-- send_again --
-- A stream lost what it had: every retained row of a piece goes out again. Locked in the order of the others.
WITH held AS MATERIALIZED (
    SELECT position FROM outbox
     WHERE position > :after AND position <= :upto AND stream = :stream AND sent_at IS NOT NULL
     ORDER BY position FOR NO KEY UPDATE)
UPDATE outbox o SET sent_at = NULL FROM held
 WHERE o.position = held.position AND o.position > :after AND o.position <= :upto;  -- joined in any way: no more is read

-- lock_audit --
-- One numbering at a time.
SELECT last_no FROM relay_audit FOR UPDATE;

-- is_left --
-- Whether audited rows have waited for their numbers for a while: their streams do not take them.
SELECT EXISTS (SELECT FROM outbox WHERE audited AND audit_no IS NULL
                  AND created_at < now() - CAST(:patience AS interval)) AS is_left;

-- number_audited --
-- Number audited rows without gaps, under the lock.
WITH counter AS (SELECT last_no FROM relay_audit),
     fresh AS (
        SELECT position, row_number() OVER (ORDER BY position) AS step
          FROM (SELECT position FROM outbox WHERE audited AND audit_no IS NULL
                 ORDER BY position LIMIT :most FOR NO KEY UPDATE) AS held),
     numbered AS (
        UPDATE outbox o SET audit_no = counter.last_no + fresh.step
          FROM fresh, counter WHERE o.position = fresh.position
        RETURNING o.audit_no)
UPDATE relay_audit SET last_no = greatest(last_no, (SELECT max(audit_no) FROM numbered))
 WHERE EXISTS (SELECT FROM numbered);

-- unaudited --
-- Numbered rows that the log has not acknowledged.
SELECT audit_no, id, subject, body, key_id, signature
  FROM outbox
 WHERE audit_no > (SELECT acknowledged FROM relay_audit) ORDER BY audit_no LIMIT :most;

-- acknowledge_audit --
-- The log holds every row up to here. It may have gone back, after a restore. What a crash loses of this
-- is handed to the log once more, so nobody waits for the disk.
WITH quick AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
UPDATE relay_audit SET acknowledged = :acknowledged FROM quick WHERE acknowledged <> :acknowledged;

-- prune_outbox --
-- Drop rows of a piece that were sent long ago and are in the log. Locked in the order of the others.
WITH held AS MATERIALIZED (
    SELECT o.position FROM outbox o, relay_audit a
     WHERE o.position > :after AND o.position <= :upto
       AND o.sent_at < now() - CAST(:retention AS interval)
       AND (NOT o.audited OR o.audit_no <= a.acknowledged)
     ORDER BY o.position FOR UPDATE OF o)
DELETE FROM outbox o USING held
 WHERE o.position = held.position AND o.position > :after AND o.position <= :upto;  -- joined in any way: no more is read

-- prune_inbox --
-- Forget some message ids that no stream can deliver any more.
DELETE FROM inbox
 WHERE (consumer, message_id) IN (
       SELECT consumer, message_id FROM inbox WHERE received_at < now() - CAST(:retention AS interval)
        ORDER BY received_at LIMIT :most);

-- prune_quarantine --
-- Drop some of what was kept long enough for somebody to look at it.
DELETE FROM quarantine
 WHERE id IN (SELECT id FROM quarantine WHERE received_at < now() - CAST(:retention AS interval)
               ORDER BY received_at LIMIT :most);

-- consumer_marks --
-- How far each consumer has read its stream, and what it missed within a day.
SELECT consumer, stream, created, sequence,
       CASE WHEN missed_at > now() - interval '1 day' THEN missed ELSE 0 END AS missed_lately
  FROM consumer_marks;

-- remember_mark --
-- How far a consumer has read by now, and how many more messages it missed.
INSERT INTO consumer_marks AS kept (consumer, stream, created, sequence, missed, missed_at)
VALUES (:consumer, :stream, :created, :sequence, CAST(:missed AS bigint),
        CASE WHEN CAST(:missed AS bigint) > 0 THEN now() END)
    ON CONFLICT (consumer) DO UPDATE
   SET stream = excluded.stream, created = excluded.created, sequence = excluded.sequence,
       missed = kept.missed + excluded.missed,
       missed_at = coalesce(excluded.missed_at, kept.missed_at);

-- look_behind --
-- What waits in this schema: messages in quarantine, at most so many are counted, the oldest unsent one, and the oldest
-- that the log lacks.
SELECT (SELECT count(*) FROM (SELECT FROM quarantine LIMIT :most) AS kept) AS quarantined,
       (SELECT clock_timestamp() - created_at
          FROM outbox WHERE sent_at IS NULL ORDER BY position LIMIT 1) AS waited,
       (SELECT clock_timestamp() - created_at FROM outbox
         WHERE audit_no > (SELECT acknowledged FROM relay_audit) ORDER BY audit_no LIMIT 1) AS unlogged;
