-- $1 exchanges, $2 queues, $3 bindings as JSON, $4 owner of what is exclusive or deleted by itself. All in one order, so that
-- two who declare the same do not wait for each other.
WITH exchanges AS (
  INSERT INTO lovage.exchange (name, type, durable, auto_delete)
  SELECT e.name, e.type, e.durable, e.auto_delete
  FROM json_to_recordset($1::json) AS e(name text, type text, durable boolean, auto_delete boolean)
  ORDER BY e.name
  ON CONFLICT DO NOTHING
  RETURNING id
), queues AS (
  INSERT INTO lovage.queue (name, max_priority, durable, auto_delete, exclusive, owner_id, arguments)
  SELECT q.name, q.max_priority, q.durable, q.auto_delete, q.exclusive,
    CASE WHEN q.auto_delete OR q.exclusive THEN $4::bigint END, q.arguments
  FROM json_to_recordset($2::json)
    AS q(name text, max_priority smallint, durable boolean, auto_delete boolean, exclusive boolean, arguments text)
  ORDER BY q.name
  ON CONFLICT DO NOTHING
  RETURNING id, name
), wakes AS (
  INSERT INTO lovage.wake (queue_id) SELECT id FROM queues
), known AS (
  SELECT id, name FROM queues UNION ALL SELECT id, name FROM lovage.queue
), bindings AS (
  INSERT INTO lovage.binding (exchange, routing_key, queue_id)
  SELECT b.exchange, b.routing_key, known.id
  FROM json_to_recordset($3::json) AS b(exchange text, routing_key text, queue text)
  JOIN known ON known.name = b.queue
  ORDER BY b.exchange, b.routing_key, known.id
  ON CONFLICT DO NOTHING
  RETURNING id
)
UPDATE lovage.store SET topology = topology + 1
WHERE EXISTS (SELECT FROM exchanges) OR EXISTS (SELECT FROM queues) OR EXISTS (SELECT FROM bindings)
