-- What a claim asks before it hands out, and the statements of capacity, quotas and limits.

-- lock_claims --
-- One claim at a time, until the end of the transaction. A statement of its own: only the next one sees what the last claim did.
SELECT pg_advisory_xact_lock(hashtextextended('grace.htm.claim', 0));

-- take_turn --
-- The same where a task waits that is asked for. No row: there is nothing to hand out, and nobody's turn.
-- (SELECT ..) hides the value from the planner, as below: it planned this at every claim.
SELECT pg_advisory_xact_lock(hashtextextended('grace.htm.claim', 0))
 WHERE EXISTS (
       SELECT FROM htm_tasks t
        WHERE t.status = 'queued'
          AND t.kernel = ANY (CAST((SELECT CAST(:kernels AS text[])) AS text[]))
       );

-- queue_heads --
-- The fronts of all lanes, lowest order keys first; each is a stretch of the index, read from its front,
-- without those whose own deadline has passed: nobody begins them, whenever it is that they expire.
-- (SELECT ..) hides the values from the planner: it would plan each claim anew, for longer than it takes.
WITH RECURSIVE wanted AS (
    SELECT *
      FROM unnest(
               (SELECT CAST(:kernels AS text[])), (SELECT CAST(:slots AS integer[])),
               (SELECT CAST(:after_tenants AS text[])), (SELECT CAST(:after_origins AS text[]))
           ) AS w (kernel, slots, after_tenant, after_origin)
     WHERE NOT EXISTS (SELECT FROM htm_queues paused WHERE paused.kernel = w.kernel)
), looked AS (
    SELECT *
      FROM unnest(
               (SELECT CAST(:looked_kernels AS text[])), (SELECT CAST(:looked_tenants AS text[])),
               (SELECT CAST(:looked_origins AS text[])), (SELECT CAST(:looked_lanes AS text[]))
           ) AS l (kernel, tenant_id, origin, lane)
), line AS (
    SELECT wanted.kernel, wanted.slots, first.tenant_id, first.origin, 1 AS place
      FROM wanted
     CROSS JOIN LATERAL (
           (SELECT t.tenant_id, t.origin
              FROM htm_tasks t
             WHERE t.status = 'queued' AND t.kernel = wanted.kernel
               AND (t.tenant_id, t.origin) > (wanted.after_tenant, wanted.after_origin)
             ORDER BY t.tenant_id, t.origin
             LIMIT 1)
             UNION ALL
           (SELECT t.tenant_id, t.origin
              FROM htm_tasks t
             WHERE t.status = 'queued' AND t.kernel = wanted.kernel
             ORDER BY t.tenant_id, t.origin
             LIMIT 1)
             LIMIT 1
           ) AS first
     UNION ALL
    SELECT line.kernel, line.slots, next.tenant_id, next.origin, line.place + 1
      FROM line
     CROSS JOIN LATERAL (
           SELECT t.tenant_id, t.origin
             FROM htm_tasks t
            WHERE t.status = 'queued' AND t.kernel = line.kernel
              AND (t.tenant_id, t.origin) > (line.tenant_id, line.origin)
            ORDER BY t.tenant_id, t.origin
            LIMIT 1
           ) AS next
     WHERE line.place < CAST(:most_queues AS integer)
), stand AS (
    SELECT line.*, coalesce(looked.lane || ' ', '') COLLATE "C" AS start
      FROM line LEFT JOIN looked USING (kernel, tenant_id, origin)
)
SELECT stand.kernel, stand.tenant_id, stand.origin, walk.lane,
       front.ids, front.order_keys, front.sizes, front.settled
  FROM stand
 CROSS JOIN LATERAL (
       WITH RECURSIVE lanes AS (
           SELECT first.lane, 1 AS place
             FROM (
                  (SELECT t.lane
                     FROM htm_tasks t
                    WHERE t.status = 'queued' AND t.kernel = stand.kernel
                      AND t.tenant_id = stand.tenant_id AND t.origin = stand.origin
                      AND t.lane >= stand.start
                    ORDER BY t.lane
                    LIMIT 1)
                    UNION ALL
                  (SELECT t.lane
                     FROM htm_tasks t
                    WHERE t.status = 'queued' AND t.kernel = stand.kernel
                      AND t.tenant_id = stand.tenant_id AND t.origin = stand.origin
                    ORDER BY t.lane
                    LIMIT 1)
                    LIMIT 1
                  ) AS first
            UNION ALL
           SELECT next.lane, lanes.place + 1
             FROM lanes
            CROSS JOIN LATERAL (
                  SELECT t.lane
                    FROM htm_tasks t
                   WHERE t.status = 'queued' AND t.kernel = stand.kernel
                     AND t.tenant_id = stand.tenant_id AND t.origin = stand.origin
                     AND t.lane > lanes.lane
                   ORDER BY t.lane
                   LIMIT 1
                  ) AS next
            WHERE lanes.place < CAST(:most_lanes AS integer)
       )
       SELECT lane FROM lanes
       ) AS walk
 CROSS JOIN LATERAL (
       SELECT array_agg(task.id) AS ids, array_agg(task.order_key) AS order_keys,
              array_agg(task.spec_size_bytes) AS sizes, array_agg(task.is_settled) AS settled
         FROM (
              SELECT t.id, t.order_key, t.spec_size_bytes,
                     t.queued_at + CAST(:affinity_wait AS interval) <= statement_timestamp()
                         AS is_settled
                FROM htm_tasks t
               WHERE t.status = 'queued' AND t.kernel = stand.kernel
                 AND t.tenant_id = stand.tenant_id AND t.origin = stand.origin
                 AND t.lane = walk.lane
                 AND coalesce(t.deadline_at > statement_timestamp(), true)
               ORDER BY t.order_key, t.id
               LIMIT stand.slots
              ) AS task
       ) AS front
 ORDER BY stand.kernel, stand.tenant_id, stand.origin, walk.lane;

-- find_standing --
-- Capacity, the quotas under it, and what is held at this moment: as much work as capacity allows.
SELECT c.capacity, q.quotas, q.shares, q.weights, q.lends,
       h.tenants, h.origins, h.lanes, h.counts
  FROM htm_capacity c
 CROSS JOIN (
       SELECT array_agg(origin) AS quotas, array_agg(share_percent) AS shares,
              array_agg(weight) AS weights, array_agg(lends) AS lends
         FROM htm_quotas
       ) AS q
 CROSS JOIN (
       SELECT array_agg(tenant_id) AS tenants, array_agg(origin) AS origins,
              array_agg(lane) AS lanes, array_agg(held) AS counts
         FROM (
              SELECT tenant_id, origin, lane, count(*) AS held
                FROM htm_tasks
               WHERE status IN ('assigned', 'running')
               GROUP BY tenant_id, origin, lane
              ) AS queue
       ) AS h;

-- set_capacity --
-- So many tasks may be in flight from now on.
UPDATE htm_capacity SET capacity = :capacity;

-- drop_quotas --
-- Forget all quotas, to be replaced in the same transaction.
DELETE FROM htm_quotas;

-- insert_quotas --
-- Give origins their shares.
INSERT INTO htm_quotas (origin, share_percent, weight, lends)
SELECT *
  FROM unnest(
           CAST(:origins AS text[]), CAST(:shares AS integer[]),
           CAST(:weights AS double precision[]), CAST(:lends AS boolean[])
       );

-- lock_limits --
-- The limits of keys, locked: tokens are spent by one claim at a time. No row: the key has none.
SELECT l.tenant_id, l.key, l.concurrency, l.rate_per_second, l.burst, l.tokens, l.refilled_at,
       statement_timestamp() AS read_at
  FROM htm_limits l
  JOIN unnest(CAST(:tenants AS text[]), CAST(:keys AS text[])) AS w (tenant_id, key)
    USING (tenant_id, key)
 ORDER BY l.tenant_id, l.key
   FOR NO KEY UPDATE OF l;

-- list_limits --
-- A page of a tenant's limits, in the order of their keys.
SELECT key, concurrency, rate_per_second, burst, updated_at
  FROM htm_limits
 WHERE tenant_id = :tenant_id AND key > :after
 ORDER BY key
 LIMIT :most;

-- set_limit --
-- Give a key its limit. A bucket that exists keeps its tokens: to set it again fills nothing up, and
-- what it earned until now, it earned at the old rate.
INSERT INTO htm_limits (
    tenant_id, key, concurrency, rate_per_second, burst, tokens, refilled_at, updated_at
)
VALUES (
    :tenant_id, :key, CAST(:concurrency AS integer), CAST(:rate AS double precision),
    CAST(:burst AS integer), coalesce(CAST(:burst AS integer), 0), statement_timestamp(),
    statement_timestamp()
)
ON CONFLICT (tenant_id, key) DO UPDATE
   SET concurrency = excluded.concurrency,
       rate_per_second = excluded.rate_per_second,
       burst = excluded.burst,
       -- A rate where there was none begins with a full bucket.
       tokens = CASE WHEN htm_limits.rate_per_second IS NULL THEN excluded.tokens
                     ELSE least(htm_limits.burst, excluded.tokens, htm_limits.tokens
                                + htm_limits.rate_per_second * greatest(0, CAST(extract(epoch FROM
                                  excluded.refilled_at - htm_limits.refilled_at) AS double precision)))
                     END,
       refilled_at = greatest(htm_limits.refilled_at, excluded.refilled_at),
       updated_at = excluded.updated_at
RETURNING key, concurrency, rate_per_second, burst, updated_at;

-- drop_limit --
-- Take a key's limit away. No row: it had none.
DELETE FROM htm_limits
 WHERE tenant_id = :tenant_id AND key = :key
RETURNING key, concurrency, rate_per_second, burst, updated_at;
