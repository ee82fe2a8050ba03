-- $1 chord
SELECT task_id FROM lovage.chord_part WHERE chord = $1
