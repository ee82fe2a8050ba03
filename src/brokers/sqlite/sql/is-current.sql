-- ?1 id, ?2 claim
SELECT 1 AS held FROM lovage_message WHERE id = ?1 AND claim = ?2 AND state = 1
