-- ?1 generation, ?2 publish id; changes nothing when it is known from this generation or the one before
INSERT OR IGNORE INTO lovage_publish (generation, id)
SELECT ?1, ?2 WHERE NOT EXISTS (SELECT 1 FROM lovage_publish WHERE generation = ?1 - 1 AND id = ?2)
