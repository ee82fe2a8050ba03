SELECT b.exchange, b.routing_key, q.name AS queue
FROM lovage_binding b JOIN lovage_queue q ON q.id = b.queue_id
ORDER BY b.id
