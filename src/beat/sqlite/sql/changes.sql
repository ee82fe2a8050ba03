SELECT key, value FROM lovage_beat_record WHERE version > ?1
