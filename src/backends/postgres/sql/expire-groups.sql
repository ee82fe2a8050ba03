-- $1 at most
WITH old AS (
  DELETE FROM lovage.saved_group
  WHERE group_id IN (
    SELECT group_id FROM lovage.saved_group WHERE expires_at <= clock_timestamp() LIMIT $1 FOR UPDATE SKIP LOCKED
  )
  RETURNING group_id
)
SELECT count(*) FROM old
