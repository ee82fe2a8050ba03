SELECT chord, memo, size, added, arrived, moved_at AS movedAt FROM lovage_chord
WHERE look_at <= ?1 AND (expires_at IS NULL OR expires_at > ?2)
ORDER BY look_at LIMIT ?3
