UPDATE lovage_chord SET arrived = arrived + 1 WHERE chord = ?1
