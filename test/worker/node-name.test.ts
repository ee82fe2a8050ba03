import assert from 'node:assert/strict'
import { test } from 'node:test'
import { App } from '../../src/app/app.js'
import { expandNodeName } from '../../src/worker/node-name.js'
import { Worker } from '../../src/worker/worker.js'
import { handRuntime } from '../app/hand-runtime.js'

const CASES: readonly (readonly [string | undefined, string, string])[] = [
  [undefined, 'web1.example.org', 'celery@web1.example.org'],
  ['', 'web1.example.org', 'celery@web1.example.org'],
  ['mail', 'web1.example.org', 'celery@mail'],
  ['mail@%h', 'web1.example.org', 'mail@web1.example.org'],
  ['mail@%n', 'web1.example.org', 'mail@web1'],
  ['mail@%d', 'web1.example.org', 'mail@example.org'],
  ['%n-mail@%d', 'web1.example.org', 'web1-mail@example.org'],
  ['mail%%@%h', 'web1', 'mail%@web1'],
  ['mail@%d', 'web1', 'mail@'],
  ['mail@%x', 'web1', 'mail@%x'],
  ['a@b@%h', 'web1', 'a@b@web1'],
]

for (const [pattern, host, name] of CASES) {
  test(`the node name of ${pattern === undefined ? 'no pattern' : `'${pattern}'`} on ${host} is ${name}`, () => {
    assert.equal(expandNodeName(pattern, host), name)
  })
}

test('a worker is named by its option, else by the setting, else celery@ its host', () => {
  const runtime = handRuntime()
  const named = (settings: object, options: object): string =>
    new Worker(new App('x', settings, { runtime }), options).name
  assert.equal(named({}, {}), 'celery@here')
  assert.equal(named({ workerName: 'set@%h' }, {}), 'set@here')
  assert.equal(named({ workerName: 'set@%h' }, { name: 'given@%n' }), 'given@here')
})

test('L06 a node name that cannot travel is refused', () => {
  const app = new App('x', {}, { runtime: handRuntime() })
  for (const name of ['a\u0000b@c', 'x'.repeat(300), 'line\nbreak@h']) {
    assert.throws(() => new Worker(app, { name }), { name: 'ProtocolError' })
  }
})
