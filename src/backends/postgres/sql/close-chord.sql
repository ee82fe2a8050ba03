-- $1 chord, $2 how long it is remembered at most that it was closed
WITH parts AS (
  DELETE FROM lovage.chord_part WHERE chord = $1
), more AS (
  DELETE FROM lovage.chord_added WHERE chord = $1
)
UPDATE lovage.chord SET
  closed = true, arrived = 0, added = 0, ttl = least(ttl, $2),
  expires_at = clock_timestamp() + least(ttl, $2) * interval '1 ms', memo = NULL, look_at = NULL
WHERE chord = $1
