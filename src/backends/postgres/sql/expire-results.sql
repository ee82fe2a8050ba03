-- $1 at most. What others have written since stays.
WITH old AS (
  DELETE FROM lovage.result
  WHERE task_id IN (
    SELECT task_id FROM lovage.result WHERE expires_at <= clock_timestamp() LIMIT $1 FOR UPDATE SKIP LOCKED
  )
  RETURNING task_id, status, date_done
), rows AS (
  DELETE FROM celery_taskmeta m USING old
  WHERE m.task_id = old.task_id AND m.status = old.status AND m.date_done IS NOT DISTINCT FROM old.date_done
)
SELECT count(*) FROM old
