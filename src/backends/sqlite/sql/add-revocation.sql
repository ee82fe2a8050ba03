INSERT INTO lovage_revocation (entry, expires_at) VALUES (?1, ?2)
ON CONFLICT (entry) DO UPDATE SET expires_at = max(expires_at, excluded.expires_at)
