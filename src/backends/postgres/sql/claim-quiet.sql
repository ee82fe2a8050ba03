-- $1 ms that a chord has been quiet, $2 ms that whoever gets it has it to himself, $3 the most of it, $4 how many; see
-- backends/quiet-chord.ts
WITH due AS (
  SELECT chord FROM lovage.chord
  WHERE look_at <= clock_timestamp() - $1::float8 * interval '1 ms' AND (expires_at IS NULL OR expires_at > clock_timestamp())
  ORDER BY look_at LIMIT $4
  FOR UPDATE SKIP LOCKED
), quiet AS (
  SELECT c.chord, c.arrived >= c.size + c.added AS complete, extract(epoch FROM clock_timestamp() - c.moved_at)::float8 * 1000 AS ms
  FROM lovage.chord c JOIN due ON due.chord = c.chord
)
UPDATE lovage.chord c SET
  look_at = clock_timestamp() + interval '1 ms'
    * (CASE WHEN quiet.complete THEN $2::float8 ELSE least(greatest(quiet.ms, $2::float8), $3::float8) END - $1::float8)
FROM quiet
WHERE c.chord = quiet.chord
RETURNING c.chord, c.memo, coalesce(c.size, 0) + c.added, coalesce(quiet.complete, false), quiet.ms
