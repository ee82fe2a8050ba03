-- $1 ids
WITH beside AS (
  DELETE FROM lovage.result WHERE task_id = ANY ($1::text[])
)
DELETE FROM celery_taskmeta WHERE task_id = ANY ($1::text[])
