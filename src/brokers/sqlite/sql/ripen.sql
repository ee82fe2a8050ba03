-- ?1 kind of delay (2 wall clock, 3 monotonic), ?2 now on that clock
UPDATE lovage_message SET state = 0, due = NULL WHERE state = ?1 AND due <= ?2
