-- ?1 key
SELECT state FROM lovage_limit WHERE key = ?1
