DELETE FROM lovage_queue WHERE id = ?1
