-- $1 name of the queue, null: all
SELECT
  q.name,
  (SELECT count(*) FROM lovage.message m WHERE m.queue_id = q.id AND m.state = 0),
  coalesce(h.held, 0),
  coalesce(d.delayed, 0),
  (SELECT coalesce(sum(c.consumers), 0) FROM lovage.consumer c WHERE c.queue_id = q.id)
FROM lovage.queue q
LEFT JOIN (SELECT queue_id, count(*) AS held FROM lovage.message WHERE state = 1 GROUP BY queue_id) h ON h.queue_id = q.id
LEFT JOIN (SELECT queue_id, count(*) AS delayed FROM lovage.message WHERE state = 2 GROUP BY queue_id) d ON d.queue_id = q.id
WHERE $1::text IS NULL OR q.name = $1
ORDER BY q.id
