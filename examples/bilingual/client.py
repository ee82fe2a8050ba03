"""The Python client: calls tasks of both halves, without caring which worker runs them."""
from collections import Counter

from words import app, count

CALLS = 20

results = [count.delay(text=f'the line number {i}') for i in range(CALLS)]
counts = [result.get(timeout=60) for result in results]
assert all(c['words'] == 4 for c in counts), counts
print('Python client: counted by', dict(sorted(Counter(c['by'] for c in counts).items())))

# A task that lives in TypeScript is called by its name.
slug = app.send_task('words.slug', ['Lovage beside Python'])
print('Python client: TypeScript says', slug.get(timeout=60))

try:
    app.send_task('words.slug', ['']).get(timeout=60)
except ValueError as exc:
    print('Python client: TypeScript raises', repr(exc))
