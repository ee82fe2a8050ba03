-- ?1 boot id, ?2 kernel monotonic ms: what was counted on the last boot's clock starts anew
UPDATE lovage_store SET boot = ?1, generation_since = ?2 WHERE id = 1
