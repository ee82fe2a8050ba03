-- ?1 exchange, ?2 routing key, ?3 queue name
INSERT OR IGNORE INTO lovage_binding (exchange, routing_key, queue_id)
SELECT ?1, ?2, id FROM lovage_queue WHERE name = ?3
