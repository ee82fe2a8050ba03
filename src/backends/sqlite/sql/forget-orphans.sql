-- Their rows were deleted by another program.
DELETE FROM lovage_result WHERE task_id NOT IN (SELECT task_id FROM celery_taskmeta WHERE task_id IS NOT NULL)
