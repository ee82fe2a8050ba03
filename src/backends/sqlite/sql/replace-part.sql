UPDATE lovage_chord_part SET task_id = ?3, meta = ?4 WHERE chord = ?1 AND idx = ?2
