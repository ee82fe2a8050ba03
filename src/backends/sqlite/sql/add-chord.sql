INSERT INTO lovage_chord (chord) VALUES (?1)
