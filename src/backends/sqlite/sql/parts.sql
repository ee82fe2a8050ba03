SELECT meta FROM lovage_chord_part WHERE chord = ?1
ORDER BY coalesce(idx, place) IS NULL, coalesce(idx, place), seq
