SELECT id, name, max_priority, auto_delete, exclusive FROM lovage_queue ORDER BY id
