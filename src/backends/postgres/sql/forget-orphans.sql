-- Their rows were deleted by another program.
DELETE FROM lovage.result r WHERE NOT EXISTS (SELECT FROM celery_taskmeta m WHERE m.task_id = r.task_id)
