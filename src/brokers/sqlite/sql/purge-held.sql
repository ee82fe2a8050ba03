DELETE FROM lovage_message WHERE state = 1 AND queue_id = ?1
