UPDATE lovage_chord SET look_at = ?2 WHERE chord = ?1
