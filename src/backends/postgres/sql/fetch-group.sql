-- $1 id: ours, and Python's
SELECT
  (SELECT meta FROM lovage.saved_group
   WHERE group_id = $1 AND (expires_at IS NULL OR expires_at > clock_timestamp())),
  (SELECT result FROM celery_tasksetmeta WHERE taskset_id = $1)
