SELECT meta FROM lovage_chord_part WHERE chord = ?1 ORDER BY idx IS NULL, idx, seq
