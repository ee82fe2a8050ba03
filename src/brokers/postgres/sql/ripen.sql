-- What is due becomes ready, at its old place, $1 at most. Answers whose queues it was.
WITH ripe AS (
  UPDATE lovage.message SET state = 0, due = NULL
  WHERE id IN (
    SELECT id FROM lovage.message
    WHERE state = 2 AND due <= (SELECT clock_timestamp())
    ORDER BY due
    LIMIT $1
    FOR UPDATE SKIP LOCKED
  )
  RETURNING queue_id
)
SELECT DISTINCT queue_id FROM ripe
