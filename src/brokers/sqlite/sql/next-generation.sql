-- ?1 kernel monotonic ms
UPDATE lovage_store SET generation = generation + 1, generation_since = ?1 WHERE id = 1
