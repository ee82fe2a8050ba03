-- ?1 holder, ?2 claim number, ?3 queue, ?4 limit (D3a)
UPDATE lovage_message SET state = 1, holder_id = ?1, claim = ?2, deliveries = deliveries + 1
WHERE id IN (
  SELECT id FROM lovage_message WHERE state = 0 AND queue_id = ?3 ORDER BY priority DESC, id LIMIT ?4
)
RETURNING id, priority, deliveries, faults, enqueued_at, exchange, routing_key, properties, headers, body
