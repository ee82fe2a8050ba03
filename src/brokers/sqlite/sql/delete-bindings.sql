DELETE FROM lovage_binding WHERE queue_id = ?1
