-- ?1 now, ?2 at most
SELECT id, tries + 1 AS tries, envelope, properties, headers, body
FROM lovage_outbox WHERE taken_until <= ?1 ORDER BY id LIMIT ?2
