UPDATE lovage_beat_lease SET holder = ?1, term = ?2, until = ?3, ttl = ?4
