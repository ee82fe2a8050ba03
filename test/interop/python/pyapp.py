"""Python Celery app for interoperability tests with Lovage.

Works with Celery 5.2.6 (Debian 12) and newer.  Everything is configured from
the environment, so that a test can spawn a worker or a client as a subprocess:

    LOVAGE_BROKER     broker URL, e.g. amqp://guest:guest@127.0.0.1:5672/vec
                      or redis://127.0.0.1:6379/5
    LOVAGE_BACKEND    result backend, e.g. rpc://, redis://127.0.0.1:6379/5,
                      db+postgresql://user:pw@127.0.0.1/db, db+sqlite:////tmp/x.db
    LOVAGE_REDIS      Redis used by the tasks that leave a trace in Redis
                      (default: the backend or the broker if one is Redis,
                      else redis://127.0.0.1:6379/5)
    LOVAGE_CONFIG     JSON object of Celery settings laid over the defaults,
                      e.g. {"task_serializer": "yaml", "task_protocol": 1}
    LOVAGE_SECURITY_KEY, LOVAGE_SECURITY_CERTIFICATE, LOVAGE_SECURITY_CERT_STORE
                      if set, the app signs and accepts only "auth" messages

Every task has an explicit name "interop.<name>".
"""
import base64
import datetime
import decimal
import json
import os
import time
import uuid

import celery
from celery import Celery, chain, chord, group
from celery.exceptions import Ignore, Reject, SoftTimeLimitExceeded
from celery.utils.log import get_task_logger

BROKER = os.environ.get('LOVAGE_BROKER', 'amqp://guest:guest@127.0.0.1:5672//')
BACKEND = os.environ.get('LOVAGE_BACKEND', 'rpc://')

app = Celery('interop', broker=BROKER, backend=BACKEND)
app.conf.update(
    accept_content=['json', 'yaml', 'msgpack', 'application/x-python-serialize'],
    result_accept_content=['json', 'yaml', 'msgpack', 'application/x-python-serialize'],
    result_extended=True,
    task_track_started=True,
    task_send_sent_event=True,
    worker_send_task_events=True,
    worker_prefetch_multiplier=1,
    worker_log_color=False,
    worker_hijack_root_logger=True,
    worker_redirect_stdouts=False,
    result_expires=3600,
    broker_connection_timeout=5,
    broker_transport_options={'visibility_timeout': 60},
)
app.conf.update(json.loads(os.environ.get('LOVAGE_CONFIG') or '{}'))

if os.environ.get('LOVAGE_SECURITY_KEY'):
    app.conf.update(
        security_key=os.environ['LOVAGE_SECURITY_KEY'],
        security_certificate=os.environ['LOVAGE_SECURITY_CERTIFICATE'],
        security_cert_store=os.environ['LOVAGE_SECURITY_CERT_STORE'],
        task_serializer='auth', event_serializer='auth', result_serializer='auth',
        accept_content=['auth'], result_accept_content=['auth', 'json'],
    )
    app.setup_security()

log = get_task_logger(__name__)


def redis_url():
    if os.environ.get('LOVAGE_REDIS'):
        return os.environ['LOVAGE_REDIS']
    for url in (BACKEND, BROKER):
        if url.startswith(('redis://', 'rediss://')):
            return url
    return 'redis://127.0.0.1:6379/5'


def redis_client():
    import redis
    return redis.Redis.from_url(redis_url())


def task(name, **options):
    return app.task(name=f'interop.{name}', **options)


# -- plain --------------------------------------------------------------------

@task('add')
def add(x, y, z=0):
    return x + y + z


@task('mul')
def mul(x, y):
    return x * y


@task('xsum')
def xsum(numbers):
    """Sum of numbers and of lists of numbers, at any depth."""
    def flat(n):
        return sum(flat(i) for i in n) if isinstance(n, (list, tuple)) else n
    return flat(numbers)


@task('identity')
def identity(x):
    return x


@task('echo')
def echo(*args, **kwargs):
    return {'args': list(args), 'kwargs': kwargs}


@task('noop')
def noop(*_args, **_kwargs):
    return None


@task('sleep_for', acks_late=False)
def sleep_for(seconds, value=None):
    time.sleep(seconds)
    return value


@task('sleep_late', acks_late=True, reject_on_worker_lost=True)
def sleep_late(seconds, key=None):
    """acks_late sleeper; counts its deliveries under `key` in Redis."""
    n = redis_client().incr(key) if key else None
    time.sleep(seconds)
    return n


@task('large')
def large(size, fill='x'):
    """A result of `size` characters."""
    return (fill * (size // len(fill) + 1))[:size]


@task('length')
def length(data):
    """Length of an argument: for large arguments."""
    return len(data)


@task('typename')
def typename(x):
    """Python type of the argument as it arrived, and its repr."""
    return [type(x).__name__, repr(x)]


@task('special')
def special(kind):
    """A result of a type that the JSON serializer must treat specially."""
    return {
        'datetime': datetime.datetime(2024, 2, 29, 12, 34, 56, 789012, tzinfo=datetime.timezone.utc),
        'naive': datetime.datetime(2024, 2, 29, 12, 34, 56),
        'date': datetime.date(2024, 2, 29),
        'time': datetime.time(12, 34, 56),
        'uuid': uuid.UUID('12345678-1234-5678-1234-567812345678'),
        'decimal': decimal.Decimal('3.14159265358979323846'),
        'bytes': b'\x00\xff\xfe bytes',
        'set': [1, 2, 3],
        'bigint': 2 ** 70,
        'float': 0.1 + 0.2,
        'nan': float('nan'),
        'inf': float('inf'),
        'unicode': 'žluťoučký kůň 🐎 \u0000 \u2028',
    }[kind]


# -- failures -----------------------------------------------------------------

class CustomError(Exception):
    """An exception class of this module, with several arguments."""

    def __init__(self, message, code=None, detail=None):
        super().__init__(message, code, detail)
        self.code = code
        self.detail = detail


@task('fail')
def fail(message='deliberate', *_ignored):
    raise ValueError(message)


@task('fail_custom')
def fail_custom(message='custom', code=42, detail=None):
    raise CustomError(message, code, detail)


@task('fail_nested')
def fail_nested():
    try:
        try:
            {}['missing']
        except KeyError as exc:
            raise ValueError('outer', 1) from exc
    except ValueError as exc:
        raise CustomError('wrapped', 7, {'a': [1, 2]}) from exc


@task('fail_unserializable')
def fail_unserializable():
    return object()


@task('fail_with_args')
def fail_with_args(args):
    raise RuntimeError(*args)


@task('fail_odd_args')
def fail_odd_args():
    """An exception whose arguments the JSON serializer can not carry."""
    raise RuntimeError(object(), {1}, b'\xff', decimal.Decimal('1.5'))


@task('fail_group')
def fail_group():
    """An exception with a context that is suppressed, and notes."""
    try:
        raise KeyError('inner')
    except KeyError:
        raise LookupError('outer only') from None


@task('reject', acks_late=True)
def reject(requeue=False):
    raise Reject('rejected on purpose', requeue=requeue)


@task('ignore', bind=True)
def ignore(self):
    self.update_state(state='IGNORED_BY_TASK', meta={'why': 'test'})
    raise Ignore()


# -- retries ------------------------------------------------------------------

@task('retry_once', bind=True, max_retries=1, default_retry_delay=0)
def retry_once(self, value=None, countdown=0.1):
    if self.request.retries == 0:
        raise self.retry(countdown=countdown)
    return {'retries': self.request.retries, 'value': value}


@task('retry_n_times', bind=True, default_retry_delay=0)
def retry_n_times(self, n, countdown=0.1, fail_after=False):
    """Retry `n` times, then return the count (or fail for good)."""
    if self.request.retries < n:
        raise self.retry(exc=ValueError(f'try {self.request.retries}'),
                         countdown=countdown, max_retries=n)
    if fail_after:
        raise ValueError(f'gave up after {n}')
    return self.request.retries


@task('retry_forever', bind=True, max_retries=2, default_retry_delay=0)
def retry_forever(self, countdown=0.1):
    """Retries more often than allowed: ends with the exception given."""
    raise self.retry(exc=CustomError('still failing', self.request.retries), countdown=countdown)


@task('autoretry', bind=True, autoretry_for=(ValueError,), max_retries=2,
      retry_backoff=False, default_retry_delay=0.3)
def autoretry(self, succeed_on=2):
    if self.request.retries < succeed_on:
        raise ValueError(f'attempt {self.request.retries}')
    return self.request.retries


# -- the request as the task sees it ------------------------------------------

@task('ids', bind=True)
def ids(self, *args):
    r = self.request
    return {'id': r.id, 'root_id': r.root_id, 'parent_id': r.parent_id, 'group': r.group,
            'args': list(args)}


@task('request', bind=True)
def request(self, *args, **kwargs):
    """What the worker made of the message."""
    r = self.request
    return {
        'id': r.id, 'task': r.task, 'root_id': r.root_id, 'parent_id': r.parent_id,
        'group': r.group, 'group_index': getattr(r, 'group_index', None),
        'args': list(args), 'kwargs': kwargs,
        'retries': r.retries, 'eta': r.eta, 'expires': r.expires,
        'timelimit': list(r.timelimit or []), 'is_eager': r.is_eager,
        'delivery_info': dict(r.delivery_info or {}), 'headers': r.headers,
        'reply_to': r.reply_to, 'correlation_id': r.correlation_id,
        'origin': r.origin, 'hostname': r.hostname, 'shadow': r.shadow,
        'argsrepr': r.argsrepr, 'kwargsrepr': r.kwargsrepr,
        'ignore_result': getattr(r, 'ignore_result', None),
        'stamped_headers': getattr(r, 'stamped_headers', None),
        'stamps': getattr(r, 'stamps', None),
        'replaced_task_nesting': getattr(r, 'replaced_task_nesting', None),
        'properties': {k: v for k, v in (getattr(r, 'properties', None) or {}).items()
                       if isinstance(v, (str, int, float, bool, type(None)))},
        'x-a': r.get('x-a'),        # a custom header, whichever version keeps it where
        'callbacks': bool(r.callbacks), 'errbacks': bool(r.errbacks),
        'chain': bool(r.chain), 'chord': bool(r.chord),
    }


@task('chain_ids', bind=True)
def chain_ids(self, previous=None, tag=None):
    """Append [tag, id, parent_id, root_id] to the list given by the previous task."""
    r = self.request
    out = list(previous or [])
    out.append([tag, r.id, r.parent_id, r.root_id])
    return out


# -- replacing and adding -----------------------------------------------------

@task('replace_add', bind=True)
def replace_add(self, x, y):
    raise self.replace(add.s(x, y))


@task('replace_chain', bind=True)
def replace_chain(self, x):
    raise self.replace(chain(add.s(x, 1), mul.s(10)))


@task('replace_group', bind=True)
def replace_group(self, numbers, y):
    raise self.replace(group(add.s(n, y) for n in numbers))


@task('replace_chord', bind=True)
def replace_chord(self, numbers, y):
    raise self.replace(chord([add.s(n, y) for n in numbers], xsum.s()))


@task('replace_nested', bind=True)
def replace_nested(self, depth):
    if depth <= 0:
        return 'bottom'
    raise self.replace(replace_nested.s(depth - 1))


@task('redirect', bind=True)
def redirect(self, name, args=(), queue=None):
    """Replace by any task by name, optionally on another queue (another language)."""
    sig = self.app.signature(name, args=tuple(args), app=self.app)
    if queue:
        sig.set(queue=queue)
    raise self.replace(sig)


@task('spawn', bind=True)
def spawn(self, name, args=(), queue=None):
    """Send another task by name; return its id (it becomes a child of this task)."""
    options = {'queue': queue} if queue else {}
    sig = self.app.signature(name, args=tuple(args), app=self.app, **({'options': options} if options else {}))
    return sig.apply_async().id


@task('add_to_chord', bind=True)
def add_to_chord(self, numbers, y):
    for n in numbers:
        self.add_to_chord(add.s(n, y))
    return 0


# -- callbacks that leave a trace in Redis ------------------------------------

@task('redis_append')
def redis_append(value, key='interop:list'):
    redis_client().rpush(key, value if isinstance(value, str) else json.dumps(value))
    return value


@task('redis_incr')
def redis_incr(key='interop:count', *_ignored):
    return redis_client().incr(key)


@task('errback_id')
def errback_id(request_id):
    """Old-style errback: exactly one argument, so it is sent as a task of its own."""
    redis_client().rpush('interop:errback', json.dumps({'style': 'id', 'id': request_id}))


@task('errback_full')
def errback_full(request, exc, traceback, key='interop:errback'):
    """New style errback: called in the worker as (request, exc, traceback)."""
    redis_client().rpush(key, json.dumps({
        'style': 'full', 'id': request.id, 'exc_type': type(exc).__name__,
        'exc': str(exc), 'traceback': bool(traceback)}))


# -- states -------------------------------------------------------------------

@task('progress', bind=True)
def progress(self, steps=3, delay=0.2):
    for i in range(steps):
        self.update_state(state='PROGRESS', meta={'done': i, 'total': steps})
        time.sleep(delay)
    return steps


@task('hold_state', bind=True)
def hold_state(self, state, meta, seconds):
    """Set a custom state and stay in it for a while."""
    self.update_state(state=state, meta=meta)
    time.sleep(seconds)
    return state


@task('custom_event', bind=True)
def custom_event(self, type_, fields):
    self.send_event(type_, **fields)


# -- limits -------------------------------------------------------------------

@task('soft_limited', soft_time_limit=1, time_limit=10)
def soft_limited(seconds):
    try:
        time.sleep(seconds)
        return 'slept'
    except SoftTimeLimitExceeded:
        return 'soft limit'


@task('hard_limited', time_limit=1)
def hard_limited(seconds):
    time.sleep(seconds)
    return 'slept'


@task('rate_limited', rate_limit='2/s')
def rate_limited(i):
    return [i, time.time()]


@task('crash', acks_late=False)
def crash():
    """Kill the pool process: the worker reports WorkerLostError."""
    os._exit(7)


@task('ignored_result', ignore_result=True)
def ignored_result(x):
    redis_client().rpush('interop:ignored', json.dumps(x))
    return x


@task('b64')
def b64(data):
    """Base64 of a bytes argument (to see that it arrived as bytes)."""
    return base64.b64encode(data if isinstance(data, bytes) else str(data).encode()).decode()


@task('versions')
def versions():
    import kombu
    return {'celery': celery.__version__, 'kombu': kombu.__version__}


if __name__ == '__main__':
    app.start()
