-- pass_on --
-- Intents that the end of their mission does not answer follow the next: they came after it, or after it was over. The
-- one that opened it is answered by it, however clocks differ.
UPDATE intents i
   SET mission_id = passed.next_id
  FROM unnest(CAST(:mission_ids AS text[]), CAST(:next_ids AS text[])) AS passed (mission_id, next_id)
  JOIN missions m USING (mission_id)
 WHERE i.mission_id = passed.mission_id AND i.accepted_at > greatest(m.captured_at, least(m.closed_at, m.over_at))
RETURNING i.*;
