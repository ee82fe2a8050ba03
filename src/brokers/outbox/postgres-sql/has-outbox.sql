SELECT to_regclass($1 || '.outbox_id') IS NOT NULL AS has
