UPDATE lovage_message SET due = NULL WHERE state = 1 AND due IS NOT NULL
