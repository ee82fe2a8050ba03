SELECT
  m.task_id AS taskId, m.status, m.result, m.date_done AS dateDone, m.traceback,
  m.name, m.args, m.kwargs, m.worker, m.retries, m.queue,
  s.lineage, s.status IS m.status AND s.date_done IS m.date_done AS ours
FROM celery_taskmeta m
LEFT JOIN lovage_result s ON s.task_id = m.task_id
WHERE m.task_id = ?1
  AND m.status IS NOT 'PENDING'
  -- A row that somebody else has written since does not expire by our date.
  AND NOT (s.expires_at IS NOT NULL AND s.expires_at <= ?2 AND s.status IS m.status AND s.date_done IS m.date_done)
