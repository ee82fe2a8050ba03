DELETE FROM lovage_outbox WHERE id = ?1
