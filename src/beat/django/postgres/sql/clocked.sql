SELECT id, to_char(clocked_time::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')
FROM django_celery_beat_clockedschedule
