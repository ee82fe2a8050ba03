-- $1 channel. The messages of the dead are ready again, counted: what had begun, and what has no past (D40). A message whose
-- holder is not even known is one that was claimed while its holder was swept.
WITH dead AS (
  DELETE FROM lovage.holder
  WHERE id IN (
    SELECT id FROM lovage.holder WHERE lease_end < clock_timestamp() FOR UPDATE SKIP LOCKED
  )
  RETURNING id
), consumers AS (
  DELETE FROM lovage.consumer c
  WHERE holder_id IN (SELECT id FROM dead) OR NOT EXISTS (SELECT FROM lovage.holder h WHERE h.id = c.holder_id)
), back AS (
  UPDATE lovage.message m SET
    state = 0, holder_id = NULL, claim = NULL, faults = faults + (faults = 0 OR begun)::int,
    begun = begun OR had_begun
  WHERE state = 1
    AND (holder_id IN (SELECT id FROM dead) OR NOT EXISTS (SELECT FROM lovage.holder h WHERE h.id = m.holder_id))
  RETURNING queue_id
)
SELECT pg_notify($1, queue_id::text) FROM (SELECT DISTINCT queue_id FROM back) b
