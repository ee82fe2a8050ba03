SELECT coalesce(max(version), 0) AS version FROM lovage_beat_record
