-- ?1 name, ?2 when as Django writes it
UPDATE django_celery_beat_periodictask SET last_run_at = NULL, total_run_count = 0, enabled = 0
WHERE name = ?1 AND (last_run_at IS NULL OR last_run_at < ?2)
