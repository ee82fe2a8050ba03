SELECT to_regclass($1 || '.schema_version') IS NOT NULL
