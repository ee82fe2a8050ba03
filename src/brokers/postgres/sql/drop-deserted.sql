-- Queues whose owner has gone, or whose last consumer has; with all that is in them
WITH gone AS (
  DELETE FROM lovage.queue q
  WHERE (
    q.exclusive AND NOT EXISTS (SELECT FROM lovage.holder h WHERE h.id = q.owner_id)
  ) OR (
    q.auto_delete
    AND NOT EXISTS (SELECT FROM lovage.consumer c WHERE c.queue_id = q.id)
    AND (q.served OR NOT EXISTS (SELECT FROM lovage.holder h WHERE h.id = q.owner_id))
  )
  RETURNING q.id
), bindings AS (
  DELETE FROM lovage.binding WHERE queue_id IN (SELECT id FROM gone)
), consumers AS (
  DELETE FROM lovage.consumer WHERE queue_id IN (SELECT id FROM gone)
), wakes AS (
  DELETE FROM lovage.wake WHERE queue_id IN (SELECT id FROM gone)
), messages AS (
  DELETE FROM lovage.message WHERE queue_id IN (SELECT id FROM gone)
)
UPDATE lovage.store SET topology = topology + 1 WHERE EXISTS (SELECT FROM gone)
