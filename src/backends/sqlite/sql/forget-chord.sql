DELETE FROM lovage_chord WHERE chord = ?1
