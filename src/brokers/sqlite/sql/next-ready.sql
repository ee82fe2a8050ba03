-- ?1 queue, ?2 limit; in the order of the index. `deliveries` as it will be once they are claimed
SELECT id, deliveries + 1 AS deliveries, faults, begun, enqueued_at, exchange, routing_key, properties, headers, body
FROM lovage_message WHERE state = 0 AND queue_id = ?1 ORDER BY priority DESC, id LIMIT ?2
