UPDATE lovage_outbox SET taken_until = ?2, tries = tries + 1 WHERE id = ?1
