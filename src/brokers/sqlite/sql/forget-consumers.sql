DELETE FROM lovage_consumer WHERE holder_id = ?1
