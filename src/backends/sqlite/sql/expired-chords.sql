SELECT chord FROM lovage_chord WHERE expires_at <= ?1 LIMIT ?2
