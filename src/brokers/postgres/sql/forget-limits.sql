-- $1 at most
WITH old AS (
  DELETE FROM lovage.limits WHERE key IN (
    SELECT key FROM lovage.limits WHERE ends < clock_timestamp() ORDER BY key LIMIT $1 FOR UPDATE SKIP LOCKED
  )
  RETURNING 1
)
SELECT count(*) FROM old
