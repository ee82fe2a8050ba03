UPDATE lovage_chord SET ttl = ?2, expires_at = ?3 WHERE chord = ?1
