SELECT 1 AS ready FROM lovage_message WHERE state = 0 AND queue_id = ?1 LIMIT 1
