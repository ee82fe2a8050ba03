INSERT INTO lovage_group (group_id, meta, expires_at) VALUES (?1, ?2, ?3)
ON CONFLICT (group_id) DO UPDATE SET meta = excluded.meta, expires_at = excluded.expires_at
