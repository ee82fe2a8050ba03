"""When Celery's schedules are due: questions as JSON on standard input, answers on standard output.

The schedules are those of the installed Celery. What 5.6 does otherwise is done here as it does it, so that the
answers do not depend on which one is installed:

- zones are zoneinfo's, not pytz's;
- a naive date within a crontab's search is one of the zone, not of UTC (`naive_as_utc=False`);
- what remains is the difference of two instants, not of what two clocks on walls show;
- names of months are known in every field of a crontab, before those of weekdays.

All times are whole milliseconds since 1970.
"""
import json
import signal
import sys
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from celery import schedules
from celery.utils.time import delta_resolution

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
MILLISECOND = timedelta(milliseconds=1)
MONTHS = ('jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec')


def remaining(start, ends_in, now, relative=False):
    end = start + ends_in
    if relative:
        end = delta_resolution(end, ends_in).replace(microsecond=0)
    return end.astimezone(timezone.utc) - now.astimezone(timezone.utc)


class Parser(schedules.crontab_parser):
    def _expand_number(self, s):
        month = s[:3].lower()
        return super()._expand_number(str(MONTHS.index(month) + 1) if month in MONTHS else s)


class ZonedCrontab(schedules.crontab):
    def maybe_make_aware(self, at, **_):
        return at.replace(tzinfo=self.tz) if at.tzinfo is None else at


schedules.remaining = remaining
schedules.crontab_parser = Parser


class Conf:
    enable_utc = True
    beat_cron_starting_deadline = None


class App:
    conf = Conf()

    def __init__(self, zone):
        self.timezone = zone


def instant(ms, zone):
    return (EPOCH + timedelta(milliseconds=ms)).astimezone(zone)


def ms_of(at):
    return (at - EPOCH) // MILLISECOND


def due_times(schedule, zone, moments):
    """For each pair of last run and now: the next run, and whether and when `is_due` says so."""
    answers = []
    for last_ms, now_ms in moments:
        last, now = instant(last_ms, zone), instant(now_ms, zone)
        schedule.nowfun = lambda: now
        due, wait = schedule.is_due(last)
        answers.append([now_ms + schedule.remaining_estimate(last) // MILLISECOND, due, round(wait * 1000)])
    return answers


def beyond(schedule, zone, last_ms):
    """The first run after an instant, going on from each answer that is not after it."""
    at = last_ms
    while True:
        now = instant(at, zone)
        schedule.nowfun = lambda: now
        at += schedule.remaining_estimate(now) // MILLISECOND
        if at > last_ms:
            return at


def crontab(question):
    zone = ZoneInfo(question['zone'])
    schedule = ZonedCrontab(*question['fields'], app=App(zone))
    answers = due_times(schedule, zone, question['moments'])
    for answer, (last, _) in zip(answers, question['moments']):
        if answer[0] <= last:
            answer.append(beyond(schedule, zone, last))
    return answers


def interval(question):
    zone = ZoneInfo(question['zone'])
    every = timedelta(milliseconds=question['every'])
    schedule = schedules.schedule(every, relative=question['relative'], app=App(zone))
    return due_times(schedule, zone, question['moments'])


def field(question):
    try:
        return sorted(schedules.crontab._expand_cronspec(question['text'], question['max'], question['min']))
    except Exception as error:
        return str(error) or type(error).__name__


def offsets(question):
    zone = ZoneInfo(question['zone'])
    return [instant(ms, zone).utcoffset() // MILLISECOND for ms in question['instants']]


class Endless(Exception):
    """ephem's search goes to and fro for ever on some days on which the sun grazes the horizon."""


def give_up(*_):
    raise Endless


def sun(question):
    """Instants of an event, one after another, as Celery asks ephem for them; each day without one counts as an answer, too."""
    schedule = schedules.solar(question['event'], question['latitude'], question['longitude'], app=App(timezone.utc))
    if question['event'] == 'dusk_astronomical':
        schedule.cal.horizon = '-18'  # 5.6.2 and before have it above the horizon
    at, answers = instant(question['after'], timezone.utc), []
    options = {'use_center': True} if schedule.use_center else {}
    signal.signal(signal.SIGVTALRM, give_up)
    for _ in range(question['count']):
        try:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0.5)
            found = getattr(schedule.cal, schedule.method)(schedule.ephem.Sun(), start=at, **options).datetime()
        except (schedule.ephem.CircumpolarError, Endless):
            schedule.cal.date = at
            at = schedule.cal.next_antitransit(schedule.ephem.Sun()).datetime().replace(tzinfo=timezone.utc)
            at += timedelta(minutes=1)
            continue
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        found = found.replace(tzinfo=timezone.utc)
        answers.append(ms_of(found))
        at = found + timedelta(minutes=1)
    return answers


ASKED = {'crontab': crontab, 'interval': interval, 'field': field, 'offsets': offsets, 'sun': sun}

if __name__ == '__main__':
    json.dump([ASKED[question['ask']](question) for question in json.load(sys.stdin)], sys.stdout)
