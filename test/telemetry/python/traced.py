"""What opentelemetry-instrumentation-celery does to messages, without its package: the carrier is written among the headers
when a task is about to be sent (before_task_publish), and read from the request (a getter by attribute) when it runs."""
import os
import sys

from celery import Celery
from celery.signals import before_task_publish

app = Celery('traced', broker=os.environ['TRACED_URL'], backend=os.environ['TRACED_URL'])
app.conf.task_default_queue = 'traced.py'


@app.task(name='traced.parent', bind=True)
def parent(self):
    return getattr(self.request, 'traceparent', None)


def send(traceparent):
    @before_task_publish.connect(weak=False)
    def inject(headers=None, **_kwargs):
        headers['traceparent'] = traceparent

    app.send_task('traced.run', queue='traced.ts').get(timeout=60)


if __name__ == '__main__':
    send(sys.argv[1])
