-- ?1 current generation, ?2 at most
DELETE FROM lovage_publish WHERE (generation, id) IN (
  SELECT generation, id FROM lovage_publish WHERE generation < ?1 - 1 LIMIT ?2
)
