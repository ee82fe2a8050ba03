-- $1 queue
WITH dropped AS (
  DELETE FROM lovage.message WHERE queue_id = $1 AND state IN (0, 2) RETURNING 1
)
SELECT count(*) FROM dropped
