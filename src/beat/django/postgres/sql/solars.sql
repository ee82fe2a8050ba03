SELECT id, event, latitude::text, longitude::text FROM django_celery_beat_solarschedule
