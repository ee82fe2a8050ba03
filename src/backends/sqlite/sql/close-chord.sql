UPDATE lovage_chord SET closed = 1, arrived = 0 WHERE chord = ?1
