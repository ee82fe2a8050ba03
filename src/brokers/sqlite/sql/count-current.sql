-- ?1 claim, ?2 ids as a JSON array: how many of them are still held under it
SELECT count(*) AS n FROM lovage_message WHERE id IN (SELECT value FROM json_each(?2)) AND claim = ?1 AND state = 1
