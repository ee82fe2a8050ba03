SELECT max(last_update) AS last FROM django_celery_beat_periodictasks
