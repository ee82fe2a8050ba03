UPDATE lovage_chord
SET ttl = ?2, expires_at = ?3, moved_at = ?4, look_at = CASE WHEN memo IS NULL THEN NULL ELSE ?4 END
WHERE chord = ?1
