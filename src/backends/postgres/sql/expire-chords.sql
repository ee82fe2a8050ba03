-- $1 at most
WITH old AS (
  DELETE FROM lovage.chord
  WHERE chord IN (SELECT chord FROM lovage.chord WHERE expires_at <= clock_timestamp() LIMIT $1 FOR UPDATE SKIP LOCKED)
  RETURNING chord
), parts AS (
  DELETE FROM lovage.chord_part WHERE chord IN (SELECT chord FROM old)
), added AS (
  DELETE FROM lovage.chord_added WHERE chord IN (SELECT chord FROM old)
)
SELECT count(*) FROM old
