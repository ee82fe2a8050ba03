DELETE FROM lovage_group WHERE group_id = ?1
