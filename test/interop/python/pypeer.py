"""A Python client that stays: one JSON object per line in, one per line out, in order.

    {"do": "run", "argv": [...], "stdin": "..."}      a command line of pyclient.py
    {"do": "send", "task": "...", "args": [...], "kwargs": {...}, "options": {...}}
    {"do": "send", ..., "expression": "(b'x', 2 ** 70)"}   args as Python source: for what JSON has no form for
    {"do": "send-canvas", "spec": {...}}              a canvas as pyclient.py builds it
    {"do": "get", "id": "...", "timeout": 30}         the result of a task that was sent
    {"do": "repr", "id": "...", "timeout": 30}        the same as Python prints it
    {"do": "config", "settings": {...}}               settings of the app from now on

Starting Python and connecting costs a second that each check would pay otherwise; and results by message (rpc) can be
read by the process that sent the task only.  Environment: see pyapp.py.
"""
import datetime
import decimal
import json
import sys
import traceback
import uuid

import pyclient

app = pyclient.app
sent = {}
NAMES = {'datetime': datetime, 'decimal': decimal, 'uuid': uuid}


def answer(line):
    do = line['do']
    if do == 'run':
        out, status = pyclient.run(line['argv'], line.get('stdin', ''))
        return {'out': out, 'status': status}
    if do == 'send':
        args = eval(line['expression'], dict(NAMES)) if 'expression' in line else line.get('args', [])
        options = dict(line.get('options') or {})
        for link in ('link', 'link_error'):
            if link in options:
                options[link] = [pyclient.build(spec) for spec in options[link]]
        result = app.send_task(line['task'], args=args, kwargs=line.get('kwargs') or {}, **options)
        sent[result.id] = result
        return {'id': result.id}
    if do == 'send-canvas':
        result = pyclient.build(line['spec']).apply_async()
        sent[result.id] = result
        return {'id': result.id}
    if do == 'get':
        out, status = pyclient.describe(sent.get(line['id']) or app.AsyncResult(line['id']), line.get('timeout', 30))
        return {'out': out, 'status': status}
    if do == 'repr':
        result = sent.get(line['id']) or app.AsyncResult(line['id'])
        return {'out': repr(result.get(timeout=line.get('timeout', 30)))}
    if do == 'config':
        app.conf.update(line['settings'])
        return {}
    raise ValueError(do)


print(json.dumps({'ready': True}), flush=True)
for text in sys.stdin:
    try:
        reply = answer(json.loads(text))
    except SystemExit as exc:
        reply = {'error': f'usage: {exc}'}
    except Exception as exc:
        reply = {'error': f'{type(exc).__name__}: {exc}', 'traceback': traceback.format_exc()}
    print(json.dumps(reply, default=repr), flush=True)
