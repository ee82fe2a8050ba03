SELECT seq, entry, expires_at AS until FROM lovage_revocation WHERE seq > ?1 ORDER BY seq LIMIT ?2
