-- ?1 holder, ?2 whether it is dead: then what had begun, and what has no past, has one more fault (D40)
UPDATE lovage_message SET
  state = 0, holder_id = NULL, claim = NULL, begun = (begun & 1 AND ?2) OR begun & 2 <> 0,
  faults = faults + (?2 AND (faults = 0 OR begun & 1))
WHERE state = 1 AND holder_id = ?1
