SELECT seq, task_id AS taskId FROM lovage_result_change WHERE seq > ?1 ORDER BY seq
