-- ?1 now
DELETE FROM lovage_limit WHERE ends < ?1
