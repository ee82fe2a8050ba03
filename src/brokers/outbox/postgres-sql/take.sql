-- $1 at most, $2 for how long, ms
WITH taken AS (
  UPDATE lovage.outbox SET taken_until = clock_timestamp() + $2 * interval '1 ms', tries = tries + 1
  WHERE id IN (
    SELECT id FROM lovage.outbox WHERE taken_until <= clock_timestamp() ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED
  )
  RETURNING id, tries, envelope, properties, headers, body
)
SELECT * FROM taken ORDER BY id
