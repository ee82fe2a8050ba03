-- ?1 queue id, if it goes with its last consumer and has none
SELECT id FROM lovage_queue q
WHERE id = ?1 AND auto_delete = 1 AND NOT EXISTS (SELECT 1 FROM lovage_consumer c WHERE c.queue_id = q.id)
