-- $1 name, $2 lease in ms
INSERT INTO lovage.holder (name, lease_end) VALUES ($1, clock_timestamp() + $2 * interval '1 ms') RETURNING id
