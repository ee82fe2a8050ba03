INSERT INTO lovage_chord_added (chord, task_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING
