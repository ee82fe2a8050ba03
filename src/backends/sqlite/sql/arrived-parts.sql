SELECT task_id AS taskId FROM lovage_chord_part WHERE chord = ?1
