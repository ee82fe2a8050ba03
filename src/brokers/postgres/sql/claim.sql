-- $1 queues in the order in which they are served, $2 at most, $3 holder. While something is overdue nothing is taken: the
-- caller lets it ripen first, so that it comes at its place. Nobody waits for the disk: a server that crashes forgets at most
-- that something was held, as if its holder had died.
WITH next_due AS MATERIALIZED (
  SELECT lovage.next_due() AS due
), picked AS MATERIALIZED (
  SELECT r.id, r.begun, r.n
  FROM lovage.ready(
    CASE WHEN (SELECT due FROM next_due) <= clock_timestamp() THEN '{}' ELSE $1::bigint[] END,
    $2
  ) r
  WHERE (SELECT set_config('synchronous_commit', 'off', true)) IS NOT NULL
), taken AS (
  UPDATE lovage.message m
  SET state = 1, holder_id = $3, claim = nextval('lovage.claim'), deliveries = deliveries + 1,
    begun = false, had_begun = picked.begun
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
