"""A Celery worker for a chaos run: the planned tasks, and what happens to them in the journal, as Lovage's own workers keep it."""

import json
import os
import time

from celery import Celery
from celery.signals import task_received
from celery.worker.request import Request

SETTINGS = json.loads(os.environ["LOVAGE_CHAOS"])
QUEUE = "chaos"
# Above the longest task, and short: what a killed worker held is to come back within the run.
VISIBILITY_TIMEOUT = 5

JOURNAL = os.open(SETTINGS["journal"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

app = Celery("chaos", broker=SETTINGS["brokerUrl"], backend=SETTINGS["resultBackend"])
app.conf.update(
    task_default_queue=QUEUE,
    task_acks_late=SETTINGS["acks"] == "late",
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=4,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
)
if SETTINGS["brokerUrl"].startswith("redis"):
    app.conf.broker_transport_options = {"visibility_timeout": VISIBILITY_TIMEOUT}


def write(kind, task_id, retries, **more):
    line = {"at": time.monotonic_ns() / 1e6, "kind": kind, "id": task_id, "retries": retries, **more}
    os.write(JOURNAL, (json.dumps(line) + "\n").encode())


@task_received.connect
def taken(request, **_):
    write("taken", request.id, request.request_dict.get("retries") or 0)


def journaled_acknowledge(self, acknowledge=Request.acknowledge):
    if self.acknowledged:
        return
    retries = self.request_dict.get("retries") or 0
    write("asked", self.id, retries)
    acknowledge(self)
    write("acked", self.id, retries)


Request.acknowledge = journaled_acknowledge


@app.task(name="chaos.planned", bind=True)
def planned(self, task):
    task_id, retries = self.request.id, self.request.retries
    write("start", task_id, retries)
    time.sleep(task["ms"] / 1000)
    value = f"{task_id} {retries} {os.getpid()} celery"
    write("end", task_id, retries, value=value)
    if task["kind"] == "fail":
        raise ValueError(value)
    if task["kind"] == "retry" and retries == 0:
        raise self.retry(countdown=0.05)
    return value
