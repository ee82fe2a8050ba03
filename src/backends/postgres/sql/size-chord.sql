-- $1 chord, $2 size, $3 ttl in ms or null, $4 memo or null
UPDATE lovage.chord SET
  size = $2,
  ttl = $3,
  expires_at = clock_timestamp() + $3::float8 * interval '1 ms',
  memo = CASE WHEN closed THEN NULL ELSE coalesce($4, memo) END,
  moved_at = clock_timestamp(),
  look_at = CASE WHEN closed OR coalesce($4, memo) IS NULL THEN NULL ELSE clock_timestamp() END
WHERE chord = $1
