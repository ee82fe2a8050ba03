-- ?1 holder, ?2 faults to add
UPDATE lovage_message SET state = 0, faults = faults + ?2, holder_id = NULL, claim = NULL
WHERE state = 1 AND holder_id = ?1
