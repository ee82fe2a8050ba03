-- ?1 id, ?2 claim
DELETE FROM lovage_message WHERE id = ?1 AND claim = ?2 AND state = 1
