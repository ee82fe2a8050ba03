-- ?1 name, ?2 when as Django writes it, ?3 how many
UPDATE django_celery_beat_periodictask SET last_run_at = ?2, total_run_count = total_run_count + ?3
WHERE name = ?1 AND (last_run_at IS NULL OR last_run_at < ?2)
