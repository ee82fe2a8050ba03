-- ?1 key
DELETE FROM lovage_limit WHERE key = ?1
