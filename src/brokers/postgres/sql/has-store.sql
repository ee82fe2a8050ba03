-- $1 schema
SELECT to_regclass($1 || '.store') IS NOT NULL AS has
