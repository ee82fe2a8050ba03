DELETE FROM celery_taskmeta WHERE task_id = ?1
