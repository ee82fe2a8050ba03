-- $1 ids: what judge-store.ts wants to know
SELECT m.task_id, m.status, s.retries, s.claim
FROM celery_taskmeta m
LEFT JOIN lovage.result s ON s.task_id = m.task_id
WHERE m.task_id = ANY ($1::text[])
