DELETE FROM lovage_consumer WHERE queue_id = ?1
