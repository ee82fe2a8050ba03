UPDATE lovage_chord SET size = ?2 WHERE chord = ?1
