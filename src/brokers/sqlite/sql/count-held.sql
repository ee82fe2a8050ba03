SELECT count(*) AS n FROM lovage_message WHERE state = 1 AND queue_id = ?1
