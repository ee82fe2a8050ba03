SELECT name, task, interval_id, crontab_id, solar_id, clocked_id, args, kwargs, headers, queue, exchange, routing_key, priority,
  expires, expire_seconds, one_off, start_time, enabled, last_run_at, total_run_count, date_changed
FROM django_celery_beat_periodictask ORDER BY id
