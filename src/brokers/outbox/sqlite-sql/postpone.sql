UPDATE lovage_outbox SET taken_until = ?2 WHERE id = ?1
