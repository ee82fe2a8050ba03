-- ?1 queue, ?2 limit: what is not due yet, whichever kind of delay it has
SELECT id, deliveries + 1 AS deliveries, faults, begun, enqueued_at, exchange, routing_key, properties, headers, body, state, due
FROM lovage_message WHERE due IS NOT NULL AND state IN (2, 3) AND queue_id = ?1 ORDER BY state, due LIMIT ?2
