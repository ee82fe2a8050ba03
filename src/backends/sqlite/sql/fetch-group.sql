SELECT meta FROM lovage_group WHERE group_id = ?1 AND (expires_at IS NULL OR expires_at > ?2)
