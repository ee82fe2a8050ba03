"""Remote control of workers through Python Celery; prints one JSON document.

    pycontrol.py inspect METHOD [JSONARGS] [--kwargs JSON] [--destination NAME ...] [--timeout S]
    pycontrol.py control METHOD [JSONARGS] [--kwargs JSON] [--destination NAME ...] [--timeout S]
                                [--no-reply]
    pycontrol.py broadcast COMMAND --kwargs JSON [...]     any command, raw arguments
    pycontrol.py list

`inspect` calls app.control.inspect(...).METHOD(*JSONARGS, **KWARGS), which gives
{"worker name": reply} or null; `control` calls app.control.METHOD(..., reply=True),
which gives [{"worker name": reply}, ...].  Examples:

    pycontrol.py inspect ping
    pycontrol.py inspect query_task '["8a1c..."]'
    pycontrol.py inspect registered '["rate_limit"]'
    pycontrol.py control revoke '["8a1c..."]' --kwargs '{"terminate": true, "signal": "SIGTERM"}'
    pycontrol.py control rate_limit '["interop.add", "10/m"]'
    pycontrol.py control shutdown --no-reply --destination w1@host

Exit status: 0, or 2 when no worker replied.  Environment: see pyapp.py.
"""
import argparse
import json
import sys

import pyapp
from pyclient import jsonable

INSPECT = ['ping', 'active', 'scheduled', 'reserved', 'revoked', 'registered', 'stats',
           'active_queues', 'conf', 'clock', 'report', 'query_task', 'hello', 'memsample',
           'memdump', 'objgraph']
CONTROL = ['ping', 'revoke', 'terminate', 'rate_limit', 'time_limit', 'add_consumer',
           'cancel_consumer', 'autoscale', 'pool_grow', 'pool_shrink', 'pool_restart',
           'enable_events', 'disable_events', 'heartbeat', 'shutdown', 'purge', 'election',
           'revoke_by_stamped_headers']


def main(argv=None):
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('kind', choices=['inspect', 'control', 'broadcast', 'list'])
    ap.add_argument('method', nargs='?')
    ap.add_argument('args', nargs='?', default='[]')
    ap.add_argument('--kwargs', default='{}')
    ap.add_argument('--destination', action='append')
    ap.add_argument('--timeout', type=float, default=2.0)
    ap.add_argument('--no-reply', action='store_true')
    ns = ap.parse_args(argv)
    if ns.kind == 'list':
        print(json.dumps({'inspect': INSPECT, 'control': CONTROL}))
        return 0
    if not ns.method:
        ap.error('METHOD is missing')
    control = pyapp.app.control
    args, kwargs = json.loads(ns.args), json.loads(ns.kwargs)
    dest = ns.destination
    if ns.kind == 'inspect':
        out = getattr(control.inspect(destination=dest, timeout=ns.timeout), ns.method)(*args, **kwargs)
    elif ns.kind == 'broadcast':
        out = control.broadcast(ns.method, arguments=kwargs, destination=dest,
                                reply=not ns.no_reply, timeout=ns.timeout)
    elif ns.method == 'purge':
        out = control.purge()
    elif ns.method == 'ping':
        out = control.ping(destination=dest, timeout=ns.timeout)
    else:
        if not ns.no_reply:
            kwargs.update(reply=True, timeout=ns.timeout)
        out = getattr(control, ns.method)(*args, destination=dest, **kwargs)
    print(json.dumps(jsonable(out), ensure_ascii=False, sort_keys=True))
    return 0 if ns.no_reply or out or out == 0 else 2


if __name__ == '__main__':
    sys.exit(main())
