"""What a Python client may expect of any worker that has the tasks of pyapp.py, as checks with names.

    checks.py [--without NAME ... | --only NAME ...] [--list]

The worker is running already; where, says the environment (see pyapp.py).  Prints one JSON object per check:
{"check": "...", "result": "pass" | "n/a" | "fail", "detail": "...", "seconds": 0.1}.  Each of them passes with a Python
worker, too: that is how they were written.
"""
import argparse
import json
import os
import select
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pyclient

HERE = Path(__file__).resolve().parent
NODE = os.environ['LOVAGE_NODENAME']
REDIS = os.environ['LOVAGE_REDIS']
QUEUE = json.loads(os.environ.get('LOVAGE_CONFIG') or '{}').get('task_default_queue', 'celery')
CHECKS = []


class NotApplicable(Exception):
    pass


def check(fun):
    CHECKS.append(fun)
    return fun


class Client:
    """The Python client in this process, by the command lines of pyclient.py."""

    backend = os.environ['LOVAGE_BACKEND']
    rpc = backend == 'rpc://'

    def client(self, *args, stdin=''):
        out, _status = pyclient.run(args, stdin)
        return json.loads(json.dumps(out))

    def call(self, task, args=(), *more):
        return self.client('call', task, json.dumps(list(args)), *more)

    def canvas(self, spec, *more):
        return self.client('call', '--canvas', '-', *more, stdin=json.dumps(spec))

    def control(self, *args):
        # Other workers hear the same broker; the one that was asked answers at once.
        p = subprocess.run([sys.executable, str(HERE / 'pycontrol.py'), *args, '--destination', NODE, '--timeout', '30'],
                           cwd=HERE, capture_output=True, text=True, timeout=90)
        return json.loads(p.stdout) if p.stdout else None

    def redis_wait(self, key, timeout=20):
        import redis
        client = redis.Redis.from_url(REDIS)
        item = client.blpop(key, timeout)
        return None if item is None else item[1].decode()


def T(name, *args, **kw):
    return dict({'task': 'interop.' + name, 'args': list(args)}, **kw)


def eq(a, b):
    assert a == b, f'{a!r} != {b!r}'


@check
def call_add(c):
    eq(c.call('interop.add', [2, 3])['result'], 5)


@check
def call_kwargs_unicode(c):
    out = c.call('interop.echo', ['žluť 🐎', None, 1.5], '--kwargs', '{"k": {"a": [1, true]}}')
    eq(out['result'], {'args': ['žluť 🐎', None, 1.5], 'kwargs': {'k': {'a': [1, True]}}})


@check
def call_bigint(c):
    eq(c.call('interop.add', [2 ** 70, 1])['result'], 2 ** 70 + 1)


@check
def failure_builtin(c):
    out = c.call('interop.fail', ['broken'])
    eq((out['state'], out['result']['exc_type'], out['result']['args']), ('FAILURE', 'ValueError', ['broken']))
    assert out['traceback']      # text in the manner of the worker's language


@check
def failure_custom(c):
    out = c.call('interop.fail_custom', ['m', 42, {'a': 1}])
    eq((out['result']['exc_type'], out['result']['args']), ('CustomError', ['m', 42, {'a': 1}]))


@check
def failure_nested(c):
    eq(c.call('interop.fail_nested')['result']['exc_type'], 'CustomError')


@check
def unregistered(c):
    eq(c.call('no.such.task')['result']['exc_type'], 'NotRegistered')


@check
def request_fields(c):
    out = c.call('interop.request', [1], '--options', '{"priority": 4, "headers": {"x-a": "b"}, "shadow": "s"}')
    r = out['result']
    eq((r['id'], r['root_id'], r['delivery_info']['priority'], r['shadow']), (out['id'], out['id'], 4, 's'))


@check
def countdown(c):
    eq(c.call('interop.add', [1, 1], '--options', '{"countdown": 1}')['result'], 2)


@check
def expired(c):
    eq(c.call('interop.add', [1, 1], '--options', '{"expires": -1}', '--timeout', '10')['state'], 'REVOKED')


@check
def chain(c):
    eq(c.canvas({'chain': [T('add', 1, 2), T('mul', 10), T('identity')]})['result'], 30)


@check
def chain_ids(c):
    out = c.canvas({'chain': [T('chain_ids', kwargs={'tag': 'a'}), T('chain_ids', kwargs={'tag': 'b'})]})
    (_, a, ap, ar), (_, b, bp, br) = out['result']
    eq((ap, ar, bp, br), (None, a, a, a))
    eq(b, out['id'])


@check
def chain_error(c):
    out = c.canvas({'chain': [T('fail', 'x'), T('add', 1)]}, '--timeout', '8')
    eq(out['result']['exc_type'] if not out.get('timeout') else 'timeout', 'ValueError')


@check
def group(c):
    eq(c.canvas({'group': [T('add', i, i) for i in range(3)]})['result'], [0, 2, 4])


@check
def group_in_chain(c):
    if c.rpc:
        raise NotApplicable('rpc has no chords')
    eq(c.canvas({'chain': [T('add', 1, 1), {'group': [T('mul', 2), T('mul', 3)]}, T('xsum')]})['result'], 10)


@check
def chord(c):
    if c.rpc:
        raise NotApplicable('rpc has no chords')
    eq(c.canvas({'chord': [T('add', 1, 1), T('add', 2, 2)], 'body': T('xsum')})['result'], 6)


@check
def chord_error(c):
    if c.rpc:
        raise NotApplicable('rpc has no chords')
    out = c.canvas({'chord': [T('fail', 'x'), T('add', 2, 2)], 'body': T('xsum')}, '--timeout', '20')
    eq(out['state'], 'FAILURE')


@check
def chord_of_chains(c):
    if c.rpc:
        raise NotApplicable('rpc has no chords')
    eq(c.canvas({'chord': [{'chain': [T('add', 1, 1), T('mul', 2)]}, {'chain': [T('add', 3, 3), T('mul', 4)]}],
                 'body': T('xsum')})['result'], 28)


@check
def group_of_chords(c):
    if c.rpc:
        raise NotApplicable('rpc has no chords')
    eq(c.canvas({'group': [{'chord': [T('add', 1, 1), T('add', 2, 2)], 'body': T('xsum')},
                           {'chord': [T('add', 3, 3), T('add', 4, 4)], 'body': T('xsum')}]})['result'], [6, 14])


@check
def map_starmap_chunks(c):
    eq(c.canvas({'map': 'interop.xsum', 'it': [[1, 2], [3]]})['result'], [3, 3])
    eq(c.canvas({'starmap': 'interop.add', 'it': [[1, 2], [3, 4]]})['result'], [3, 7])
    eq(c.canvas({'chunks': 'interop.add', 'it': [[1, 2], [3, 4], [5, 6]], 'n': 2})['result'], [[3, 7], [11]])


@check
def link(c):
    key = 'interop:' + uuid.uuid4().hex
    c.call('interop.add', [2, 3], '--link', json.dumps(T('redis_append', kwargs={'key': key})))
    eq(c.redis_wait(key), '5')


@check
def link_error_new_style(c):
    key = 'interop:' + uuid.uuid4().hex
    out = c.call('interop.fail', ['x'], '--link-error', json.dumps(T('errback_full', kwargs={'key': key})))
    got = json.loads(c.redis_wait(key) or '{}')
    eq((got.get('style'), got.get('id'), got.get('exc_type')), ('full', out['id'], 'ValueError'))


@check
def link_error_old_style(c):
    import redis
    redis.Redis.from_url(REDIS).delete('interop:errback')
    out = c.call('interop.fail', ['x'], '--link-error', json.dumps(T('errback_id')))
    got = json.loads(c.redis_wait('interop:errback') or '{}')
    eq((got.get('style'), got.get('id')), ('id', out['id']))


@check
def retry_once(c):
    eq(c.call('interop.retry_once', ['v'])['result'], {'retries': 1, 'value': 'v'})


@check
def retry_n_times(c):
    eq(c.call('interop.retry_n_times', [3], '--timeout', '60')['result'], 3)


@check
def autoretry(c):
    eq(c.call('interop.autoretry', [], '--timeout', '60')['result'], 2)


@check
def replace(c):
    if c.rpc:
        raise NotApplicable('rpc: the reply of a replacement goes to the worker')
    eq(c.call('interop.replace_add', [2, 3])['result'], 5)
    eq(c.call('interop.replace_chain', [2])['result'], 30)
    eq(c.call('interop.replace_nested', [3])['result'], 'bottom')


@check
def replace_group(c):
    if c.rpc:
        raise NotApplicable('rpc has no chords')
    eq(c.call('interop.replace_group', [[1, 2], 10])['result'], [11, 12])


@check
def redirect(c):
    if c.rpc:
        raise NotApplicable('rpc: the reply of a replacement goes to the worker')
    eq(c.call('interop.redirect', ['interop.mul', [6, 7]])['result'], 42)


@check
def spawn_children(c):
    if c.backend.startswith('db+'):
        raise NotApplicable('database rows have no children')
    out = c.call('interop.spawn', ['interop.add', [1, 2]])
    eq(out['children'][0][0][0], out['result'])


@check
def custom_state(c):
    if c.rpc:
        raise NotApplicable('rpc results can be read by the caller only')
    sent = c.client('call', 'interop.hold_state', '["PROGRESS", {"done": 1}, 3]', '--no-wait')
    end = time.monotonic() + 8
    meta = {}
    while time.monotonic() < end and meta.get('status') != 'PROGRESS':
        meta = c.client('meta', sent['id'])
    eq((meta['status'], meta['result']), ('PROGRESS', {'done': 1}))
    eq(c.client('get', sent['id'])['state'], 'SUCCESS')


@check
def large_result(c):
    eq(len(c.call('interop.large', [1000000])['result']), 1000000)


@check
def large_argument(c):
    eq(c.canvas(T('length', 'x' * 500000))['result'], 500000)


@check
def acks_late(c):
    eq(c.call('interop.sleep_late', [0.2, 'interop:' + uuid.uuid4().hex])['result'], 1)


@check
def soft_time_limit(c):
    eq(c.call('interop.soft_limited', [5])['result'], 'soft limit')


@check
def hard_time_limit(c):
    eq(c.call('interop.hard_limited', [30])['result']['exc_type'], 'TimeLimitExceeded')


@check
def worker_lost(c):
    eq(c.call('interop.crash')['result']['exc_type'], 'WorkerLostError')


@check
def serializer_yaml(c):
    eq(c.call('interop.echo', [1], '--options', '{"serializer": "yaml"}')['result']['args'], [1])


@check
def serializer_msgpack(c):
    eq(c.call('interop.echo', [1], '--options', '{"serializer": "msgpack"}')['result']['args'], [1])


@check
def compression(c):
    eq(c.call('interop.length', ['x' * 1000], '--options', '{"compression": "zlib"}')['result'], 1000)


@check
def protocol_1(c):
    pyclient.app.conf.task_protocol = 1
    try:
        eq(c.call('interop.add', [2, 3])['result'], 5)
    finally:
        pyclient.app.conf.task_protocol = 2


@check
def group_saved(c):
    if c.rpc:
        raise NotApplicable('rpc does not save groups')
    gid = c.client('save-group', '--canvas', '-', stdin=json.dumps({'group': [T('add', 1, 1), T('add', 2, 2)]}))['id']
    eq(c.client('group', gid)['result'], [2, 4])


@check
def control_inspect(c):
    eq(c.control('inspect', 'ping'), {NODE: {'ok': 'pong'}})
    assert 'interop.add' in str(c.control('inspect', 'registered'))
    assert c.control('inspect', 'stats')[NODE]['pool']
    assert QUEUE in [q['name'] for q in c.control('inspect', 'active_queues')[NODE]]
    for m in ('active', 'scheduled', 'reserved', 'revoked', 'conf', 'clock', 'report'):
        assert NODE in c.control('inspect', m), m


@check
def control_active(c):
    sent = c.client('call', 'interop.sleep_for', '[20]', '--no-wait')

    def active():
        return [t['id'] for t in c.control('inspect', 'active')[NODE]]
    assert any(sent['id'] in active() for _ in range(20))
    eq(c.control('inspect', 'query_task', json.dumps([sent['id']]))[NODE][sent['id']][0], 'active')


@check
def control_revoke(c):
    tid = str(uuid.uuid4())
    c.control('control', 'revoke', json.dumps([tid]))
    eq(c.call('interop.add', [1, 1], '--options', json.dumps({'task_id': tid}), '--timeout', '10')['state'], 'REVOKED')


@check
def control_rate_limit(c):
    eq(c.control('control', 'rate_limit', '["interop.add", "100/s"]'), [{NODE: {'ok': 'new rate limit set successfully'}}])
    c.control('control', 'rate_limit', '["interop.add", 0]')


@check
def control_consumers(c):
    eq(c.control('control', 'add_consumer', '["interop.extra"]'), [{NODE: {'ok': 'add consumer interop.extra'}}])
    eq(c.call('interop.add', [1, 1], '--options', '{"queue": "interop.extra"}')['result'], 2)
    c.control('control', 'cancel_consumer', '["interop.extra"]')


@check
def events(c):
    p = subprocess.Popen([sys.executable, str(HERE / 'pyevents.py'), '--seconds', '60'],
                         cwd=HERE, stdout=subprocess.PIPE, text=True)
    p.stdout.readline()
    for _ in range(10):         # it says that it is ready before Redis has its subscription: the first events may be lost
        c.call('interop.add', [1, 1])
        if select.select([p.stdout], [], [], 2)[0]:
            break
    id = c.call('interop.add', [1, 1])['id']
    wanted = {'task-sent', 'task-received', 'task-started', 'task-succeeded'}
    types = set()
    for line in p.stdout:       # others' tasks run meanwhile; the client's event may be the last to come
        event = json.loads(line)
        if event.get('uuid') == id:
            types.add(event['type'])
            if wanted <= types:
                break
    p.terminate()
    p.wait(20)
    assert wanted <= types, types


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--without', action='append', default=[])
    ap.add_argument('--only', action='append', default=[])
    ap.add_argument('--list', action='store_true')
    ns = ap.parse_args()
    if ns.list:
        print('\n'.join(f.__name__ for f in CHECKS))
        return
    unknown = set(ns.without + ns.only) - {fun.__name__ for fun in CHECKS}
    if unknown:
        sys.exit(f'no such check: {unknown}')
    client = Client()
    for fun in CHECKS:
        if fun.__name__ in ns.without or ns.only and fun.__name__ not in ns.only:
            continue
        start = time.monotonic()
        line = {'check': fun.__name__, 'result': 'pass', 'detail': ''}
        try:
            fun(client)
        except NotApplicable as exc:
            line.update(result='n/a', detail=str(exc))
        except Exception as exc:
            line.update(result='fail', detail=f'{type(exc).__name__}: {str(exc)[:1000]}')
        line['seconds'] = round(time.monotonic() - start, 3)
        print(json.dumps(line), flush=True)


if __name__ == '__main__':
    main()
