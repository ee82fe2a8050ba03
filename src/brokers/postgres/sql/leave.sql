-- $1 holder, $2 channel. What it holds goes back uncounted (D82), and whoever waits is told at once, NOTIFY's pause or not:
-- it happens once in a session's life.
WITH self AS (
  DELETE FROM lovage.holder WHERE id = $1 RETURNING id
), consumers AS (
  DELETE FROM lovage.consumer WHERE holder_id = $1
), back AS (
  UPDATE lovage.message SET state = 0, holder_id = NULL, claim = NULL, begun = had_begun
  WHERE state = 1 AND holder_id = $1
  RETURNING queue_id
)
SELECT pg_notify($2, queue_id::text) FROM (SELECT DISTINCT queue_id FROM back) b
