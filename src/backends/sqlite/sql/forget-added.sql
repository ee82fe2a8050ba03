DELETE FROM lovage_chord_added WHERE chord = ?1
