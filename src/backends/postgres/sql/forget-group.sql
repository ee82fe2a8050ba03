-- $1 id
WITH ours AS (
  DELETE FROM lovage.saved_group WHERE group_id = $1
)
DELETE FROM celery_tasksetmeta WHERE taskset_id = $1
