INSERT INTO lovage_outbox (envelope, properties, headers, body) VALUES (?1, ?2, ?3, ?4)
