-- $1 runs as JSON
UPDATE django_celery_beat_periodictask t SET
  last_run_at = CASE WHEN r.off THEN NULL ELSE to_timestamp(r.at / 1000.0) END,
  total_run_count = CASE WHEN r.off THEN 0 ELSE t.total_run_count + r.count END,
  enabled = t.enabled AND NOT r.off
FROM json_to_recordset($1::json) AS r(name text, at double precision, count integer, off boolean)
WHERE t.name = r.name AND (t.last_run_at IS NULL OR t.last_run_at < to_timestamp(r.at / 1000.0))
