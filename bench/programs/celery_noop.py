"""The no-op in Python Celery. `bench.mark` sends its word to the benchmark: first and last of a full queue.

BENCH_BROKER, BENCH_BACKEND (optional), BENCH_QUEUE, BENCH_PORT (of a UDP socket).
As a program it talks to an idle worker and prints JSON: `send N GAP` how long the result of each of N no-ops took, in ms; `chord SIZE
TIMES` and `chain SIZE TIMES` how long so many workflows took together.
"""
import json
import os
import socket
import sys
import time

from celery import Celery, chain, chord

app = Celery("bench", broker=os.environ["BENCH_BROKER"], backend=os.environ.get("BENCH_BACKEND"))
app.conf.update(
    task_default_queue=os.environ["BENCH_QUEUE"],
    task_ignore_result="BENCH_BACKEND" not in os.environ,
    task_acks_late=True,
    worker_prefetch_multiplier=4,
    worker_enable_remote_control=False,
)


@app.task(name="bench.noop")
def noop(a, b):
    return a


@app.task(name="bench.count")
def count(values):
    return len(values)


@app.task(name="bench.mark", ignore_result=True)
def mark(word):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.sendto(word.encode(), ("127.0.0.1", int(os.environ["BENCH_PORT"])))


def send(sends, gap):
    times = []
    for _ in range(sends):
        time.sleep(gap)
        started = time.perf_counter()
        noop.delay(1, 2).get(timeout=30)
        times.append((time.perf_counter() - started) * 1000)
    return times


def workflow(kind, size):
    if kind == "chord":
        return chord([noop.s(i, 2) for i in range(size)], count.s())
    return chain(noop.s(1, 2), *[noop.s(2) for _ in range(size - 1)])


def workflows(kind, size, times):
    canvas = workflow(kind, size)
    started = time.perf_counter()
    for _ in range(times):
        canvas.clone().apply_async().get(timeout=600)
    return (time.perf_counter() - started) * 1000


if __name__ == "__main__":
    noop.delay(1, 2).get(timeout=30)
    what, number = sys.argv[1], int(sys.argv[2])
    print(json.dumps(send(number, float(sys.argv[3])) if what == "send" else workflows(what, number, int(sys.argv[3]))))
