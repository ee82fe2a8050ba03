SELECT queue_id FROM lovage_consumer WHERE holder_id = ?1
