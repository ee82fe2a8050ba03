SELECT holder, term, until, ttl FROM lovage_beat_lease
