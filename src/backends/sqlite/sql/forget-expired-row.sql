DELETE FROM celery_taskmeta
WHERE task_id = ?1
  AND EXISTS (
    SELECT 1 FROM lovage_result s
    WHERE s.task_id = celery_taskmeta.task_id
      AND s.status IS celery_taskmeta.status
      AND s.date_done IS celery_taskmeta.date_done
  )
