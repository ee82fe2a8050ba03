-- $1 topology by which it was routed: when another one holds by now, nothing happens.
-- A column per part of the rows, one row per message and queue: $2 publish ids, $3 due (epoch ms), $4 exchanges, $5 routing
-- keys, $6 properties, $7 headers, $8 starts and $9 lengths of bodies within $10, $11 queues, $12 priorities.
-- $13 queues to wake, $14 channel.
WITH entry AS MATERIALIZED (
  SELECT *
  FROM ROWS FROM (
    unnest($2::text[]), unnest($3::float8[]), unnest($4::text[]), unnest($5::text[]),
    json_array_elements($6::json), json_array_elements($7::json), unnest($8::int[]), unnest($9::int[]),
    unnest($11::bigint[]), unnest($12::smallint[])
  ) WITH ORDINALITY AS e(publish_id, due, exchange, routing_key, properties, headers, start, length, queue_id, priority, n)
  WHERE (SELECT topology FROM lovage.store) = $1
), fresh AS (
  INSERT INTO lovage.publish (generation, id)
  SELECT (SELECT floor(extract(epoch FROM clock_timestamp()) / 60)), publish_id FROM entry
  WHERE NOT EXISTS (
    SELECT FROM lovage.publish p
    WHERE p.generation = (SELECT floor(extract(epoch FROM clock_timestamp()) / 60)::bigint - 1) AND p.id = publish_id
  )
  -- A message for several queues has several rows here, and one there.
  ON CONFLICT DO NOTHING
  RETURNING id
), placed AS (
  INSERT INTO lovage.message
    (queue_id, priority, state, due, enqueued_at, exchange, routing_key, properties, headers, body)
  SELECT
    e.queue_id,
    e.priority,
    CASE WHEN to_timestamp(e.due / 1000) > clock.now THEN 2 ELSE 0 END,
    CASE WHEN to_timestamp(e.due / 1000) > clock.now THEN to_timestamp(e.due / 1000) END,
    clock.now,
    e.exchange,
    e.routing_key,
    e.properties::text,
    e.headers::text,
    substring($10::bytea FROM e.start FOR e.length)
  FROM entry e
  JOIN fresh ON fresh.id = e.publish_id
  CROSS JOIN (SELECT clock_timestamp() AS now) clock
  ORDER BY e.n
), waking AS (
  UPDATE lovage.wake w SET at = clock_timestamp()
  FROM (
    SELECT queue_id FROM lovage.wake
    WHERE queue_id = ANY ($13::bigint[]) AND at < clock_timestamp() - interval '50 ms'
    FOR UPDATE SKIP LOCKED
  ) quiet
  WHERE w.queue_id = quiet.queue_id AND EXISTS (SELECT FROM fresh)
  RETURNING w.queue_id
)
SELECT
  (SELECT topology FROM lovage.store) AS topology,
  -- Numbers of rows.
  (SELECT json_agg(n) FROM entry WHERE NOT EXISTS (SELECT FROM fresh WHERE fresh.id = entry.publish_id))::text AS duplicates,
  (SELECT count(pg_notify($14, queue_id::text)) FROM waking) AS told
