DELETE FROM lovage_group WHERE group_id IN (SELECT group_id FROM lovage_group WHERE expires_at <= ?1 LIMIT ?2)
