-- $1 name of the queue. A length does not take a value out of its own table.
SELECT coalesce(sum(octet_length(m.body) + octet_length(m.headers) + octet_length(m.properties)), 0)
FROM lovage.message m JOIN lovage.queue q ON q.id = m.queue_id
WHERE q.name = $1 AND m.state = 0
