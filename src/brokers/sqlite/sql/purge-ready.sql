DELETE FROM lovage_message WHERE state = 0 AND queue_id = ?1
