-- The transaction that keeps the most dead rows from being removed, when there are many: $1 dead rows, $2 age in s
SELECT
  a.pid,
  coalesce(a.usename, '?'),
  coalesce(a.application_name, '?'),
  coalesce(a.state, '?'),
  extract(epoch FROM clock_timestamp() - a.xact_start)::float8,
  t.dead
FROM pg_stat_activity a
CROSS JOIN (
  SELECT sum(n_dead_tup)::float8 AS dead FROM pg_stat_user_tables
  WHERE relid IN ('lovage.message'::regclass, 'lovage.publish'::regclass)
) t
WHERE t.dead >= $1
  AND (a.backend_xmin IS NOT NULL OR a.backend_xid IS NOT NULL)
  AND a.pid <> pg_backend_pid()
  AND a.xact_start < clock_timestamp() - $2 * interval '1 s'
ORDER BY a.xact_start
LIMIT 1
