-- $1 queues in the order in which they are served, $2 at most, $3 holder. While something is overdue nothing is taken: the
-- caller lets it ripen first, so that it comes at its place. Nobody waits for the disk: a server that crashes forgets at most
-- that something was held, as if its holder had died.
WITH next_due AS MATERIALIZED (
  SELECT due FROM lovage.message WHERE state = 2 ORDER BY due LIMIT 1
), picked AS MATERIALIZED (
  SELECT m.id, m.begun, q.n
  FROM unnest($1::bigint[]) WITH ORDINALITY AS q(id, n)
  CROSS JOIN LATERAL (
    SELECT id, begun FROM lovage.message
    WHERE queue_id = q.id AND state = 0
    ORDER BY priority DESC, id
    LIMIT $2
    FOR UPDATE SKIP LOCKED
  ) m
  WHERE NOT EXISTS (SELECT FROM next_due WHERE due <= clock_timestamp())
    AND (SELECT set_config('synchronous_commit', 'off', true)) IS NOT NULL
  LIMIT $2
), taken AS (
  UPDATE lovage.message m
  SET state = 1, holder_id = $3, claim = nextval('lovage.claim'), deliveries = deliveries + 1, begun = false
  FROM picked
  WHERE m.id = picked.id
  RETURNING
    picked.n, m.priority, m.id, m.claim, m.deliveries, m.faults, picked.begun,
    extract(epoch FROM m.enqueued_at)::float8 * 1000 AS enqueued_at,
    m.exchange, m.routing_key, m.properties, m.headers, m.body
)
SELECT
  (SELECT topology FROM lovage.store),
  (SELECT extract(epoch FROM due - clock_timestamp())::float8 * 1000 FROM next_due),
  taken.*
FROM (VALUES (1)) AS always
LEFT JOIN taken ON true
ORDER BY taken.n, taken.priority DESC, taken.id
