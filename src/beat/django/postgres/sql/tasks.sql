SELECT name, task, interval_id, crontab_id, solar_id, clocked_id, args, kwargs, headers, queue, exchange, routing_key, priority,
  to_char(expires::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'),
  expire_seconds, one_off,
  to_char(start_time::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'),
  enabled,
  to_char(last_run_at::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'),
  total_run_count,
  to_char(date_changed::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')
FROM django_celery_beat_periodictask ORDER BY id
