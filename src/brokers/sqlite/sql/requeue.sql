-- ?1 id, ?2 claim, ?3 state, ?4 due, ?5 faults to add: 1 after a fault, which needs a beginning
UPDATE lovage_message SET
  state = ?3, due = ?4, faults = faults + ?5, begun = ?5 OR begun & 2, holder_id = NULL, claim = NULL
WHERE id = ?1 AND claim = ?2 AND state = 1
