INSERT INTO lovage_chord_part (chord, idx, task_id, meta) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING
