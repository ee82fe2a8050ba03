"""What Flower asks and tells of one worker, by Python Celery as Flower does; prints one JSON document.

    pyflower.py NODE QUEUE

Flower itself is not needed: the calls are those of its inspector.py, events.py, api/control.py and views, with what its
pages read of the answers.  The worker NODE consumes QUEUE; it is shut down at the end.  Environment: see pyapp.py.
"""
import json
import sys
import threading
import time
from collections import defaultdict

from celery.events import EventReceiver
from celery.events.state import State

import pyapp

app = pyapp.app
PATIENCE = 90


class Events(threading.Thread):
    """flower/events.py: a receiver over everything, folded by Celery's own State."""

    def __init__(self):
        super().__init__(daemon=True)
        self.state = State()
        self.counter = defaultdict(lambda: defaultdict(int))
        self.listening = threading.Event()

    def on_event(self, event):
        self.state.event(event)
        self.counter[event['hostname']][event['type']] += 1

    def run(self):
        with app.connection() as conn:
            receiver = EventReceiver(conn, handlers={'*': self.on_event}, app=app)
            self.listening.set()
            receiver.capture(limit=None, timeout=None, wakeup=True)


class Worker:
    """flower/utils and flower/api/control.py for one worker."""

    def __init__(self, name, events):
        self.name = name
        self.events = events

    def inspect(self, method):
        inspect = app.control.inspect(timeout=30, destination=[self.name])
        result = inspect.active(safe=True) if method == 'active' else getattr(inspect, method)()
        return (result or {}).get(self.name)

    def verdict(self, response):
        """Success means the key `ok` in the worker's reply, otherwise its `error` is shown."""
        if response and 'ok' in response[0][self.name]:
            return ['ok', response[0][self.name]['ok']]
        for res in response or []:
            return ['error', res[self.name].get('error', 'Unknown reason')]
        return ['error', 'No reply']

    def broadcast(self, command, **arguments):
        return self.verdict(app.control.broadcast(
            command, arguments=arguments, destination=[self.name], reply=True, timeout=30))

    def call(self, method, *args, **kwargs):
        return self.verdict(getattr(app.control, method)(
            *args, **kwargs, destination=[self.name], reply=True, timeout=30))


def until(what, holds):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = holds()
        if found:
            return found
        time.sleep(0.02)
    raise SystemExit(f'waited in vain for {what}')


def pages(worker):
    """Members that Flower's pages of a worker read, and of what kind each is."""
    answers = {method: worker.inspect(method) for method in (
        'stats', 'active_queues', 'registered', 'scheduled', 'active', 'reserved', 'revoked', 'conf')}
    stats = answers['stats']
    broker = stats.get('consumer', stats)['broker']
    broker.pop('alternates', None)
    kind = lambda value: type(value).__name__
    read = lambda rows, names: sorted({f'{name}: {kind(row[name])}' for row in rows for name in names})
    queue_names = ('name', 'exclusive', 'durable', 'routing_key', 'no_ack', 'alias', 'queue_arguments',
                   'binding_arguments', 'auto_delete')
    return {
        'methods': {method: kind(answer) for method, answer in answers.items()},
        'pool': sorted(stats['pool']),
        'numbers': [kind(stats['pid']), kind(stats['prefetch_count']), kind(stats.get('autoscaler'))],
        'broker': sorted(broker),
        'rusage': sorted(stats['rusage']),
        'total': sorted(stats['total']),
        'queues': read(answers['active_queues'], queue_names),
        'active': read(answers['active'], ('name', 'id', 'acknowledged', 'worker_pid', 'args', 'kwargs')),
        'scheduled': read([row['request'] for row in answers['scheduled']], ('name', 'id', 'args', 'kwargs')),
        'reserved': kind(answers['reserved']),
        'add': 'interop.add' in [name.split(' ')[0] for name in answers['registered']],
    }


def buttons(worker):
    """Every control of the pages; the last ones name what there is not."""
    return {
        'pool_grow': worker.call('pool_grow', n=1),
        'pool_shrink': worker.call('pool_shrink', n=1),
        'pool_restart': worker.broadcast('pool_restart', reload=False),
        'autoscale': worker.broadcast('autoscale', min=1, max=3),
        'add_consumer': worker.broadcast('add_consumer', queue='flower.extra'),
        'cancel_consumer': worker.broadcast('cancel_consumer', queue='flower.extra'),
        'time_limit': worker.call('time_limit', 'interop.mul', hard=100, soft=50),
        'rate_limit': worker.call('rate_limit', 'interop.mul', '100/s'),
        'no rate limit': worker.call('rate_limit', 'interop.mul', 0),
        'rate_limit of no task': worker.call('rate_limit', 'no.such.task', '1/s'),
        'time_limit of no task': worker.call('time_limit', 'no.such.task', hard=1),
        'bad rate limit': worker.call('rate_limit', 'interop.mul', 'often'),
    }


FIELDS = ('uuid', 'name', 'state', 'received', 'sent', 'started', 'succeeded', 'failed', 'retried', 'revoked', 'args',
          'kwargs', 'eta', 'expires', 'retries', 'worker', 'result', 'exception', 'timestamp', 'runtime', 'traceback',
          'exchange', 'routing_key', 'clock', 'client', 'root_id', 'parent_id', 'children')


def task_page(task):
    """Which rows the page of a task has, and those that do not differ from run to run."""
    rows = {name: getattr(task, name, None) for name in FIELDS}
    told = sorted(name for name, value in rows.items() if value not in (None, '', []) and name != 'children')
    if rows['retried']:
        told = [name for name in told if name != 'parent_id']   # of a retried task without one Celery makes itself the parent
    stable = {name: rows[name] for name in ('name', 'state', 'args', 'kwargs', 'result', 'retries', 'routing_key')}
    return {'told': told, 'stable': stable, 'worker': task.worker.hostname}


def main():
    node, queue = sys.argv[1:]
    app.conf.task_default_queue = queue
    events = Events()
    events.start()
    events.listening.wait(PATIENCE)
    worker = Worker(node, events)
    until('the worker', lambda: node in events.state.workers and events.counter[node]['worker-heartbeat'])
    app.control.enable_events()

    sleeping = app.send_task('interop.sleep_for', [120])
    # Later than in a minute is left to the broker by some workers.
    waiting = app.send_task('interop.add', [1, 1], countdown=50)
    until('both', lambda: worker.inspect('active') and worker.inspect('scheduled'))
    out = {'pages': pages(worker)}

    app.control.revoke(sleeping.id, terminate=True, signal='SIGTERM')
    app.control.revoke(waiting.id)
    state_of = lambda result: getattr(events.state.tasks.get(result.id), 'state', None)
    until('the end of what was terminated', lambda: state_of(sleeping) == 'REVOKED')
    out['revoked'] = until('revoked', lambda: sorted(set(worker.inspect('revoked')) & {sleeping.id, waiting.id})) and True
    out['buttons'] = buttons(worker)

    sent = [app.send_task('interop.add', (2, 3)), app.send_task('interop.fail', ('on purpose',)),
            app.send_task('interop.retry_n_times', (1,))]
    until('three ends', lambda: all(state_of(one) in ('SUCCESS', 'FAILURE') for one in sent))
    out['tasks'] = [task_page(events.state.tasks[one.id]) for one in sent]

    seen = events.state.workers[node]
    # A worker-online among the heartbeats has no figures: where one is read last, the next heartbeat tells them.
    until('the figures of a heartbeat', lambda: seen.active is not None and seen.loadavg is not None)
    # JavaScript writes 2.0 as 2: a number is a number.
    kind = lambda value: 'number' if type(value) in (int, float) else type(value).__name__
    out['worker'] = {name: kind(getattr(seen, name)) for name in (
        'hostname', 'pid', 'freq', 'heartbeats', 'clock', 'active', 'processed', 'loadavg', 'sw_ident', 'sw_ver', 'sw_sys')}
    app.control.broadcast('shutdown', destination=[node])
    until('the good-bye', lambda: events.counter[node]['worker-offline'])
    out['counted'] = sorted(events.counter[node])
    out['alive'] = node in events.state.workers and events.state.workers[node].alive
    print(json.dumps(out))


if __name__ == '__main__':
    main()
