-- $1 entries, $2 ttl in ms
INSERT INTO lovage.revocation AS r (entry, expires_at)
SELECT entry, clock_timestamp() + $2::float8 * interval '1 ms' FROM unnest($1::text[]) AS entry ORDER BY entry
ON CONFLICT (entry) DO UPDATE SET expires_at = greatest(r.expires_at, excluded.expires_at)
