-- $1 holder, $2 lease in ms; changes nothing when it was swept
UPDATE lovage.holder SET lease_end = clock_timestamp() + $2 * interval '1 ms' WHERE id = $1 RETURNING id
