UPDATE lovage_chord SET added = added + ?2 WHERE chord = ?1
