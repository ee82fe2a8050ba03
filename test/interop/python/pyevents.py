"""Read Celery events with Python Celery's own receiver; one JSON object a line.

    pyevents.py [--seconds S] [--count N] [--type task-succeeded ...] [--until TYPE] [--enable]

Prints {"ready": true} once it is listening, so that a test can wait for that
line before it sends tasks.  Ends after S seconds (default 10), N events, or the
first event of type --until.  --enable broadcasts enable_events first.
"""
import argparse
import json
import socket
import sys
import time

import pyapp
from pyclient import jsonable


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--seconds', type=float, default=10)
    ap.add_argument('--count', type=int)
    ap.add_argument('--type', action='append')
    ap.add_argument('--until')
    ap.add_argument('--enable', action='store_true')
    ns = ap.parse_args()
    seen = 0
    done = False

    def on_event(event):
        nonlocal seen, done
        if done or (ns.type and event.get('type') not in ns.type):
            return
        print(json.dumps(jsonable(event), ensure_ascii=False, sort_keys=True), flush=True)
        seen += 1
        done = (ns.count is not None and seen >= ns.count) or event.get('type') == ns.until

    with pyapp.app.connection_for_read() as conn:
        recv = pyapp.app.events.Receiver(conn, handlers={'*': on_event})
        with conn.Consumer(queues=[recv.queue], callbacks=[recv._receive],
                           no_ack=True, accept=recv.accept):
            if ns.enable:
                pyapp.app.control.enable_events()
            print(json.dumps({'ready': True}), flush=True)
            end = time.monotonic() + ns.seconds
            while not done and time.monotonic() < end:
                try:
                    conn.drain_events(timeout=max(0.05, min(1.0, end - time.monotonic())))
                except (socket.timeout, TimeoutError):
                    pass
    return 0


if __name__ == '__main__':
    sys.exit(main())
