SELECT id, event, CAST(latitude AS TEXT) AS latitude, CAST(longitude AS TEXT) AS longitude FROM django_celery_beat_solarschedule
