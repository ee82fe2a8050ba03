-- ?1 holder, ?2 claim number, ?3 ids as a JSON array, all of them ready in the same transaction (D3a)
UPDATE lovage_message SET state = 1, holder_id = ?1, claim = ?2, deliveries = deliveries + 1, begun = begun * 2
WHERE id IN (SELECT value FROM json_each(?3))
