-- $1 chord: one whose time is over begins anew
WITH old AS (
  UPDATE lovage.chord SET
    size = NULL, added = 0, arrived = 0, closed = false, ttl = NULL, expires_at = NULL, memo = NULL, look_at = NULL
  WHERE chord = $1 AND expires_at <= clock_timestamp()
  RETURNING chord
), added AS (
  DELETE FROM lovage.chord_added WHERE chord IN (SELECT chord FROM old)
)
DELETE FROM lovage.chord_part WHERE chord IN (SELECT chord FROM old)
