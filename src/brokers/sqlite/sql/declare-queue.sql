-- ?1 name, ?2 max_priority, ?3 durable, ?4 auto_delete, ?5 exclusive, ?6 owner, ?7 arguments
INSERT OR IGNORE INTO lovage_queue (name, max_priority, durable, auto_delete, exclusive, owner_id, arguments)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
