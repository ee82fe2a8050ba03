UPDATE lovage_chord_part SET meta = ?3 WHERE chord = ?1 AND idx IS NULL AND task_id = ?2
