INSERT INTO lovage_chord_part (chord, idx, place, task_id, meta) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING
