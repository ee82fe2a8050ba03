-- $1 chord: made when it is not there, and locked until the end of the transaction
INSERT INTO lovage.chord AS c (chord) VALUES ($1) ON CONFLICT (chord) DO UPDATE SET chord = c.chord
