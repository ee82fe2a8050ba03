"""Writes rows.json anew: what django-celery-beat leaves in its tables, and what its own scheduler reads from them.

    apt-get install python3-django-celery-beat; /usr/bin/python3 test/schedules/django/make_rows.py

The tables are SQLite's, made by the package's migrations; the rows are made by its models, as forms and programs make them.
"""
import json
import sqlite3
import sys
import tempfile
from datetime import datetime, timezone
from pathlib import Path

import django
from django.conf import settings

FILE = f'{tempfile.mkdtemp()}/beat.sqlite'
settings.configure(
    DATABASES={'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': FILE}},
    INSTALLED_APPS=['django_celery_beat'],
    DEFAULT_AUTO_FIELD='django.db.models.AutoField',
    USE_TZ=True,
    TIME_ZONE='UTC',
)
django.setup()

from celery import Celery  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django_celery_beat import models  # noqa: E402
from django_celery_beat.schedulers import ModelEntry  # noqa: E402

TABLES = {
    'tasks': 'periodictask',
    'intervals': 'intervalschedule',
    'crontabs': 'crontabschedule',
    'solars': 'solarschedule',
    'clocked': 'clockedschedule',
}


def at(*parts):
    return datetime(*parts, tzinfo=timezone.utc)


def make_tasks():
    ten_minutes = models.IntervalSchedule.objects.create(every=10, period=models.IntervalSchedule.MINUTES)
    two_days = models.IntervalSchedule.objects.create(every=2, period=models.IntervalSchedule.DAYS)
    microseconds = models.IntervalSchedule.objects.create(every=2500000, period=models.IntervalSchedule.MICROSECONDS)
    working_days = models.CrontabSchedule.objects.create(
        minute='30', hour='4', day_of_week='mon-fri', timezone='Europe/Berlin')
    quarters = models.CrontabSchedule.objects.create(minute='*/15', day_of_month='1,15', month_of_year='*/3')
    melbourne = models.SolarSchedule.objects.create(event='sunset', latitude='-37.81753', longitude='144.96715')
    once = models.ClockedSchedule.objects.create(clocked_time=at(2026, 5, 5, 12, 0, 0, 250000))
    create = models.PeriodicTask.objects.create
    create(name='plain', task='app.clean', interval=ten_minutes)
    create(name='days', task='app.clean', interval=two_days, last_run_at=at(2026, 1, 2, 3, 4, 5, 678901), total_run_count=7)
    create(name='microseconds', task='app.clean', interval=microseconds)
    create(name='working days', task='app.report', crontab=working_days, args='["eu", 3]', kwargs='{"deep": {"er": [null]}}')
    create(name='quarters', task='app.report', crontab=quarters, queue='slow', priority=7, headers='{"tenant": "a"}')
    create(name='routed', task='app.report', crontab=quarters, exchange='ex', routing_key='slow.key')
    create(name='sunset', task='app.lamps', solar=melbourne, description='Lamps on')
    create(name='once', task='app.open', clocked=once, one_off=True)
    create(name='first only', task='app.open', interval=ten_minutes, one_off=True)
    create(name='later', task='app.open', interval=two_days, start_time=at(2026, 3, 1))
    create(name='until', task='app.open', interval=two_days, expires=at(2026, 2, 1))
    create(name='soon stale', task='app.open', interval=two_days, expire_seconds=90)
    create(name='off', task='app.open', interval=ten_minutes, enabled=False)
    create(name='empty', task='app.open', interval=ten_minutes, args='', kwargs='', queue='', exchange='')
    models.PeriodicTask.objects.update(date_changed=at(2026, 1, 1, 10))


def rows_of(table):
    """With a client of our own: what Django's makes of the values is none of a reader in another language."""
    with sqlite3.connect(FILE) as database:
        database.row_factory = sqlite3.Row
        return [dict(row) for row in database.execute(f'SELECT * FROM django_celery_beat_{table} ORDER BY id')]


def read_by_beat(model):
    entry = ModelEntry(model, app=Celery('beat', broker='memory://'))
    options = {name: value for name, value in entry.options.items() if name != 'periodic_task_name'}
    if isinstance(options.get('expires'), datetime):
        options['expires'] = options['expires'].isoformat()
    return {'name': entry.name, 'task': entry.task, 'args': entry.args, 'kwargs': entry.kwargs, 'options': options,
            'schedule': repr(entry.schedule)}


if __name__ == '__main__':
    call_command('migrate', verbosity=0)
    make_tasks()
    made_by = f'django-celery-beat {__import__("django_celery_beat").__version__}'
    tables = {name: rows_of(table) for name, table in TABLES.items()}
    beat = [read_by_beat(model) for model in models.PeriodicTask.objects.order_by('id')]
    place = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name('rows.json')
    place.write_text(json.dumps({'madeBy': made_by, 'tables': tables, 'beat': beat}, indent=1, default=str) + '\n')
