-- ?1 id, ?2 claim
UPDATE lovage_message SET begun = begun | 1 WHERE id = ?1 AND claim = ?2 AND state = 1
