-- ?1 holder, ?2 incarnation
SELECT 1 FROM lovage_holder WHERE id = ?1 AND incarnation = ?2
