-- ?1 holder, ?2 incarnation, ?3 lease end as it was seen: one that was renewed meanwhile stays
DELETE FROM lovage_holder WHERE id = ?1 AND incarnation = ?2 AND lease_end = ?3
