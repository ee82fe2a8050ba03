SELECT size, added, arrived, closed, ttl, expires_at IS NOT NULL AND expires_at <= ?2 AS expired FROM lovage_chord WHERE chord = ?1
