-- ?1 name, ?2 type, ?3 durable, ?4 auto_delete
INSERT OR IGNORE INTO lovage_exchange (name, type, durable, auto_delete) VALUES (?1, ?2, ?3, ?4)
