SELECT task_id AS taskId FROM lovage_result WHERE expires_at <= ?1 LIMIT ?2
