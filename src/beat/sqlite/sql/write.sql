INSERT INTO lovage_beat_record (key, value, version) VALUES (?1, ?2, ?3)
ON CONFLICT (key) DO UPDATE SET value = excluded.value, version = excluded.version
