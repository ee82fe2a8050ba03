UPDATE lovage_message SET state = 0, due = NULL WHERE state = 3 AND due IS NOT NULL
