SELECT id, minute, hour, day_of_week, day_of_month, month_of_year, timezone FROM django_celery_beat_crontabschedule
