-- $1 ids, $2 for how long, ms
UPDATE lovage.outbox SET taken_until = clock_timestamp() + $2 * interval '1 ms' WHERE id = ANY ($1::bigint[])
