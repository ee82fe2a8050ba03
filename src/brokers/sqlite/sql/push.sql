-- ?1 queue, ?2 priority, ?3 state, ?4 due, ?5 enqueued_at, ?6 exchange, ?7 routing key, ?8 properties, ?9 headers, ?10 body
INSERT INTO lovage_message
  (queue_id, priority, state, due, enqueued_at, exchange, routing_key, properties, headers, body)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
