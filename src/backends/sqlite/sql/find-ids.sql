SELECT task_id AS taskId FROM celery_taskmeta WHERE task_id >= ?1 AND task_id < ?1 || char(1114111) LIMIT ?2
