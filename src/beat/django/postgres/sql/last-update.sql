SELECT extract(epoch FROM max(last_update))::text FROM django_celery_beat_periodictasks
