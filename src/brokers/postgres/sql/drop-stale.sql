-- Messages that waited too long in queues that go by themselves and limit that (x-message-ttl, ms)
DELETE FROM lovage.message m
USING lovage.queue q
WHERE q.auto_delete
  AND q.arguments LIKE '%"x-message-ttl":%'
  AND m.queue_id = q.id
  AND m.state = 0
  AND m.enqueued_at <= clock_timestamp()
    - substring(q.arguments FROM '"x-message-ttl":([0-9]{1,15})')::float8 * interval '1 ms'
