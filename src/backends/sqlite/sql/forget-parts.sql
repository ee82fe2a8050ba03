DELETE FROM lovage_chord_part WHERE chord = ?1
