"""Python Celery client on the command line; prints one JSON document.

    pyclient.py call TASK [JSONARGS] [--kwargs JSON] [--options JSON] [--link JSON ...]
                     [--link-error JSON ...] [--timeout S] [--no-wait]
    pyclient.py call --canvas FILE [--timeout S] [--no-wait]       ('-' reads stdin)
    pyclient.py sig --canvas FILE        print the serialized signature, send nothing
    pyclient.py get ID [--timeout S]     wait for a result by task id
    pyclient.py meta ID                  the stored meta, no waiting
    pyclient.py group ID [--timeout S]   a saved GroupResult
    pyclient.py save-group --canvas FILE send a group, save it, print its id
    pyclient.py forget ID
    pyclient.py purge
    pyclient.py wait-worker [NAME] [--timeout S]    until a worker answers ping

Exit status: 0 answered (also when the task failed: see "state"), 2 timed out,
3 usage or connection error.  Environment: see pyapp.py.

A canvas file holds either a serialized Celery signature (an object with
"task" and "subtask_type") or this shorthand:

    {"task": "interop.add", "args": [1, 2], "kwargs": {}, "options": {}, "immutable": false,
     "link": [CANVAS...], "link_error": [CANVAS...], "stamps": {"k": "v"}}
    {"chain": [CANVAS, ...]}   {"group": [CANVAS, ...]}
    {"chord": [CANVAS, ...], "body": CANVAS}
    {"map": "interop.add", "it": [...]}  {"starmap": ...}  {"chunks": ..., "it": [...], "n": 2}
"""
import argparse
import json
import sys
import time

import pyapp
from celery import chain, chord, chunks, exceptions, group, signature, xmap, xstarmap
from celery.result import AsyncResult, GroupResult, ResultSet

app = pyapp.app


def build(spec):
    if 'subtask_type' in spec and 'task' in spec:
        return signature(spec, app=app)
    if 'chain' in spec:
        sig = chain(*[build(s) for s in spec['chain']], app=app)
    elif 'group' in spec:
        sig = group([build(s) for s in spec['group']], app=app)
    elif 'chord' in spec:
        sig = chord([build(s) for s in spec['chord']], build(spec['body']), app=app)
    elif 'map' in spec:
        sig = xmap(signature(spec['map'], app=app), spec['it'], app=app)
    elif 'starmap' in spec:
        sig = xstarmap(signature(spec['starmap'], app=app), spec['it'], app=app)
    elif 'chunks' in spec:
        sig = chunks(signature(spec['chunks'], app=app), spec['it'], spec['n'], app=app)
    else:
        sig = app.signature(spec['task'], args=tuple(spec.get('args') or ()),
                            kwargs=spec.get('kwargs') or {}, immutable=bool(spec.get('immutable')))
    if spec.get('options'):
        sig.set(**spec['options'])
    for s in spec.get('link') or ():
        sig.link(build(s))
    for s in spec.get('link_error') or ():
        sig.link_error(build(s))
    if spec.get('stamps'):
        sig.stamp(**spec['stamps'])
    return sig


def jsonable(x):
    if isinstance(x, (AsyncResult, GroupResult)):
        return x.as_tuple()
    if isinstance(x, dict):
        return {str(k): jsonable(v) for k, v in x.items()}
    if isinstance(x, (list, tuple, set, frozenset)):
        return [jsonable(v) for v in x]
    if isinstance(x, BaseException):
        return {'exc_type': type(x).__name__, 'exc_module': type(x).__module__,
                'args': jsonable(list(x.args)), 'str': str(x)}
    if isinstance(x, bytes):
        return {'bytes': x.decode('latin-1')}
    if isinstance(x, (str, int, float, bool, type(None))):
        return x
    return {'python': type(x).__name__, 'repr': repr(x), 'str': str(x)}


def describe(res, timeout, wait=True):
    out = {'id': res.id, 'tree': jsonable(res.as_tuple())}
    if not wait:
        return out, 0
    rc = 0
    is_set = isinstance(res, ResultSet)
    try:
        value = res.get(timeout=timeout, propagate=False)
    except exceptions.TimeoutError:
        out['timeout'] = True
        rc = 2
        value = None
    if is_set:
        out['state'] = [r.state for r in res.results]
        out['result'] = jsonable(value)
        out['successful'] = rc == 0 and all(s == 'SUCCESS' for s in out['state'])
        return out, rc
    out['state'] = res.state
    out['result'] = jsonable(value)
    out['traceback'] = res.traceback
    if not pyapp.BACKEND.startswith('rpc'):
        out['name'] = getattr(res, 'name', None)
        out['args'] = jsonable(getattr(res, 'args', None))
        out['kwargs'] = jsonable(getattr(res, 'kwargs', None))
        out['retries'] = getattr(res, 'retries', None)
        out['worker'] = getattr(res, 'worker', None)
        out['queue'] = getattr(res, 'queue', None)
    if res.parent is not None:
        out['parent'] = {'id': res.parent.id}
        if isinstance(res.parent, AsyncResult):
            out['parent']['state'] = res.parent.state
    try:
        out['children'] = [jsonable(c.as_tuple()) for c in res.children or ()]
    except Exception as exc:       # not every backend keeps children
        out['children'] = repr(exc)
    return out, rc


def load(path, stdin):
    if path == '-':
        return json.loads(stdin()) if callable(stdin) else json.loads(stdin)
    with open(path, encoding='utf-8') as file:
        return json.load(file)


def run(argv=None, stdin=sys.stdin.read):
    """What the command line says: the answer, and the exit status."""
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sub = ap.add_subparsers(dest='cmd', required=True)
    p = sub.add_parser('call')
    p.add_argument('task', nargs='?')
    p.add_argument('args', nargs='?', default='[]')
    p.add_argument('--kwargs', default='{}')
    p.add_argument('--options', default='{}')
    p.add_argument('--link', action='append', default=[])
    p.add_argument('--link-error', action='append', default=[])
    p.add_argument('--canvas')
    p.add_argument('--timeout', type=float, default=30)
    p.add_argument('--no-wait', action='store_true')
    p = sub.add_parser('sig')
    p.add_argument('--canvas', required=True)
    for name in ('get', 'group'):
        p = sub.add_parser(name)
        p.add_argument('id')
        p.add_argument('--timeout', type=float, default=30)
    for name in ('meta', 'forget'):
        sub.add_parser(name).add_argument('id')
    p = sub.add_parser('save-group')
    p.add_argument('--canvas', required=True)
    sub.add_parser('purge')
    p = sub.add_parser('wait-worker')
    p.add_argument('name', nargs='?')
    p.add_argument('--timeout', type=float, default=30)
    ns = ap.parse_args(argv)

    rc, out = 0, None
    if ns.cmd == 'call':
        if ns.canvas:
            res = build(load(ns.canvas, stdin)).apply_async()
        elif ns.task:
            options = json.loads(ns.options)
            if ns.link:
                options['link'] = [build(json.loads(s)) for s in ns.link]
            if ns.link_error:
                options['link_error'] = [build(json.loads(s)) for s in ns.link_error]
            # send_task needs no local task of that name: any worker may have it
            res = app.send_task(ns.task, args=json.loads(ns.args), kwargs=json.loads(ns.kwargs), **options)
        else:
            ap.error('call needs TASK or --canvas')
        out, rc = describe(res, ns.timeout, wait=not ns.no_wait)
    elif ns.cmd == 'sig':
        out = json.loads(json.dumps(build(load(ns.canvas, stdin)), default=str))
    elif ns.cmd == 'get':
        out, rc = describe(app.AsyncResult(ns.id), ns.timeout)
    elif ns.cmd == 'meta':
        out = jsonable(app.backend.get_task_meta(ns.id))
    elif ns.cmd == 'group':
        res = GroupResult.restore(ns.id, app=app)
        out, rc = ({'id': ns.id, 'found': False}, 0) if res is None else describe(res, ns.timeout)
    elif ns.cmd == 'save-group':
        res = build(load(ns.canvas, stdin)).apply_async()
        res.save()
        out = {'id': res.id, 'tree': jsonable(res.as_tuple())}
    elif ns.cmd == 'forget':
        app.AsyncResult(ns.id).forget()
        out = {'id': ns.id, 'forgotten': True}
    elif ns.cmd == 'purge':
        out = {'purged': app.control.purge()}
    elif ns.cmd == 'wait-worker':
        end = time.monotonic() + ns.timeout
        rc = 2
        while time.monotonic() < end:
            replies = app.control.ping(destination=[ns.name] if ns.name else None, timeout=1.0)
            if replies:
                rc = 0
                break
            time.sleep(0.2)
        out = {'workers': replies}
    return out, rc


def main():
    out, rc = run()
    json.dump(out, sys.stdout, ensure_ascii=False, sort_keys=True)
    sys.stdout.write('\n')
    return rc


if __name__ == '__main__':
    try:
        sys.exit(main())
    except (OSError, ValueError, KeyError) as exc:
        print(f'{type(exc).__name__}: {exc}', file=sys.stderr)
        sys.exit(3)
