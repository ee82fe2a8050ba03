-- Queues that go with their owner ?1, or that nobody consumes after it
SELECT id FROM lovage_queue q
WHERE (exclusive = 1 AND owner_id = ?1)
   OR (auto_delete = 1 AND owner_id = ?1 AND NOT EXISTS (SELECT 1 FROM lovage_consumer c WHERE c.queue_id = q.id))
