DELETE FROM lovage_result WHERE task_id = ?1
