-- ?1 holder, ?2 whether it is dead: then what had begun, and what has no past, has one more fault (D40)
UPDATE lovage_message SET
  state = 0, holder_id = NULL, claim = NULL, begun = begun AND ?2, faults = faults + (?2 AND (faults = 0 OR begun))
WHERE state = 1 AND holder_id = ?1
