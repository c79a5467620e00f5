-- Retention. What a live mission or a contract that ended lately refers to is never touched.

-- drop_takes --
-- Forget single takes of contracts and runs that ended long ago, the oldest first. One whose contract is looked
-- at again, or whose mission is open, stays.
DELETE FROM takes
 WHERE take_id IN (
           SELECT t.take_id
             FROM takes t
             LEFT JOIN action_contracts c ON c.contract_id = t.contract_id
             LEFT JOIN missions m ON m.mission_id = c.mission_id
             LEFT JOIN benchmark_runs r ON r.run_id = t.run_id
            WHERE t.ended_at < now() - CAST(:keep AS interval)
              AND coalesce(greatest(c.closed_at, m.closed_at), r.ended_at) < now() - CAST(:keep AS interval)
              AND (t.contract_id IS NULL OR m.closed_at IS NOT NULL AND c.closed_at IS NOT NULL)
              AND NOT EXISTS (SELECT FROM watches w
                               WHERE w.contract_id = t.contract_id AND w.next_at IS NOT NULL)
            ORDER BY t.ended_at
            LIMIT :most
              FOR UPDATE OF t SKIP LOCKED
       )
RETURNING take_id;

-- drop_watches --
-- Forget looks at contracts that ended long ago, the oldest first; what they took back is a revision, and stays.
DELETE FROM watches
 WHERE (contract_id, look) IN (
           SELECT w.contract_id, w.look
             FROM watches w
             JOIN action_contracts c ON c.contract_id = w.contract_id
             JOIN missions m ON m.mission_id = c.mission_id
            WHERE w.ended_at < now() - CAST(:keep AS interval)
              AND c.closed_at < now() - CAST(:keep AS interval)
              AND m.closed_at < now() - CAST(:keep AS interval)
              AND NOT EXISTS (SELECT FROM watches later
                               WHERE later.contract_id = w.contract_id AND later.next_at IS NOT NULL)
            ORDER BY w.ended_at
            LIMIT :most
              FOR UPDATE OF w SKIP LOCKED
       )
RETURNING look;
