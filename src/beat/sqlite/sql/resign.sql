UPDATE lovage_beat_lease SET holder = NULL, until = 0 WHERE holder = ?1
