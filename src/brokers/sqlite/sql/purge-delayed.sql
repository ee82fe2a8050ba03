DELETE FROM lovage_message WHERE due IS NOT NULL AND state IN (2, 3) AND queue_id = ?1
