-- All of it as JSON texts, as of one moment
SELECT
  (SELECT topology FROM lovage.store) AS topology,
  (SELECT coalesce(json_agg(json_build_array(id, name, max_priority) ORDER BY id), '[]') FROM lovage.queue)::text AS queues,
  (SELECT coalesce(json_agg(json_build_array(name, type) ORDER BY id), '[]') FROM lovage.exchange)::text AS exchanges,
  (SELECT coalesce(json_agg(json_build_array(b.exchange, b.routing_key, q.name) ORDER BY b.id), '[]')
   FROM lovage.binding b JOIN lovage.queue q ON q.id = b.queue_id)::text AS bindings,
  (SELECT uuid FROM lovage.store)::text AS uuid
