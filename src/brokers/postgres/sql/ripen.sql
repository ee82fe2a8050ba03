-- What is due becomes ready, at its old place, $1 at most. Answers whose queues it was.
WITH ripe AS (
  UPDATE lovage.message SET state = 0, due = NULL
  WHERE id IN (SELECT lovage.overdue($1))
  RETURNING queue_id
)
SELECT DISTINCT queue_id FROM ripe
