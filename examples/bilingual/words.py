"""The Python half: a Celery app and its tasks.  Worker: celery -A words worker -Q words,python"""
import os

from celery import Celery

app = Celery('words', broker=os.environ['BROKER_URL'], backend=os.environ['RESULT_BACKEND'])
app.conf.update(
    task_default_queue='words',
    # What only one language can do has a queue that only its workers consume.
    task_routes={'words.shout': 'python', 'words.slug': 'typescript'},
)


@app.task(name='words.count')
def count(text):
    """Both halves can do this one: whoever is free takes it."""
    return {'words': len(text.split()), 'by': 'Python'}


@app.task(name='words.shout')
def shout(text):
    if not text:
        raise ValueError('nothing to shout')
    return text.upper() + '!'
