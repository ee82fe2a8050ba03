-- $1 id, $2 meta, $3 ttl in ms or null
INSERT INTO lovage.saved_group (group_id, meta, expires_at)
VALUES ($1, $2, clock_timestamp() + $3::float8 * interval '1 ms')
ON CONFLICT (group_id) DO UPDATE SET meta = excluded.meta, expires_at = excluded.expires_at
