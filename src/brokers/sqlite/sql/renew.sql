-- ?1 holder, ?2 incarnation, ?3 lease end
UPDATE lovage_holder SET lease_end = ?3 WHERE id = ?1 AND incarnation = ?2
