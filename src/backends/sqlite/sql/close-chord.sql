UPDATE lovage_chord SET closed = 1, arrived = 0, added = 0, memo = NULL WHERE chord = ?1
