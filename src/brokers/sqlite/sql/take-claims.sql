-- ?1 how many claim numbers
UPDATE lovage_store SET claims = claims + ?1 WHERE id = 1
