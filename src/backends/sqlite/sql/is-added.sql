SELECT 1 FROM lovage_chord_added WHERE chord = ?1 AND task_id = ?2
