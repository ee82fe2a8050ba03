-- $1 at most: generations that no longer count
WITH old AS (
  DELETE FROM lovage.publish WHERE (generation, id) IN (
    SELECT generation, id FROM lovage.publish
    WHERE generation < (SELECT floor(extract(epoch FROM clock_timestamp()) / 60)::bigint - 1)
    ORDER BY generation, id
    LIMIT $1
  )
  RETURNING 1
)
SELECT count(*) FROM old
