-- $1 holder
UPDATE lovage.beat_lease SET holder = NULL, until = '-infinity' WHERE holder = $1
