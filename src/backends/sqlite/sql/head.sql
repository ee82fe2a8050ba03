SELECT m.status, s.retries, s.claim
FROM celery_taskmeta m
LEFT JOIN lovage_result s ON s.task_id = m.task_id
WHERE m.task_id = ?1
  AND m.status IS NOT 'PENDING'
  AND NOT (s.expires_at IS NOT NULL AND s.expires_at <= ?2 AND s.status IS m.status AND s.date_done IS m.date_done)
