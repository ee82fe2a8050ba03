-- $1 how they begin, $2 at most
SELECT task_id FROM celery_taskmeta WHERE starts_with(task_id, $1) LIMIT $2
