-- $1 holder, $2 for how long, ms
UPDATE lovage.beat_lease SET
  term = CASE WHEN holder = $1 AND until > clock_timestamp() THEN term ELSE term + 1 END,
  holder = $1,
  until = clock_timestamp() + $2 * interval '1 ms'
WHERE holder IS NULL OR holder = $1 OR until <= clock_timestamp()
RETURNING term::float8
