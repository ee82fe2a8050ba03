-- $1 queue, $2 at most, $3 holder: what is not due yet. The columns are claim.sql's, and behind them when it would be due.
WITH picked AS MATERIALIZED (
  SELECT id, begun, due FROM lovage.message
  WHERE state = 2 AND queue_id = $1
  ORDER BY due
  LIMIT $2
  FOR UPDATE SKIP LOCKED
), taken AS (
  UPDATE lovage.message m
  SET state = 1, holder_id = $3, claim = nextval('lovage.claim'), deliveries = deliveries + 1, due = NULL,
    begun = false, had_begun = picked.begun
  FROM picked
  WHERE m.id = picked.id
  RETURNING
    m.id, m.claim, m.deliveries, m.faults, picked.begun, extract(epoch FROM m.enqueued_at)::float8 * 1000 AS enqueued_at,
    m.exchange, m.routing_key, m.properties, m.headers, m.body, extract(epoch FROM picked.due)::float8 * 1000 AS due
)
SELECT 0, NULL, 1, 0, taken.* FROM taken ORDER BY due, id
