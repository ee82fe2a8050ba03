SELECT id, every, period FROM django_celery_beat_intervalschedule
