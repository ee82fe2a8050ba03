import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AmqpWire } from '../../drivers/amqp/amqp-wire.js'
import { type Deferred, deferred } from '../../lib/deferred.js'
import { silentLog } from '../../lib/log.js'
import { turnEnded } from '../../lib/node-turn.js'
import { Lines } from './lines.js'

/** As much of a line as is asked for here, and what the server says on it. */
function line() {
  const heeds: ((reason: string | undefined) => void)[] = []
  const wire: Pick<AmqpWire, 'closed' | 'onBlocked' | 'close'> = {
    closed: new Promise(() => undefined),
    onBlocked: tell => void heeds.push(tell),
    close: async () => undefined,
  }
  const block = (reason: string | undefined): void => {
    for (const tell of heeds) tell(reason)
  }
  return { wire: wire as AmqpWire, block }
}

function bench() {
  const first = line()
  const second: Deferred<AmqpWire> = deferred()
  const alarms: (string | undefined)[] = []
  const lines = new Lines({
    first: first.wire,
    log: silentLog,
    url: 'amqp://h',
    open: () => second.promise,
    alarm: reason => void alarms.push(reason),
    ended: () => assert.fail('no line ends here'),
  })
  return { lines, first, second, alarms }
}

test('what is published before anything is consumed goes over the first line', async () => {
  const { lines, first } = bench()
  assert.equal(await lines.publishing(), first.wire)
  lines.consumed()
  assert.equal(await lines.publishing(), first.wire)
})

test('where something is consumed already, publishing has a line of its own, and only alarms on that one concern it', async () => {
  const { lines, first, second, alarms } = bench()
  const own = line()
  lines.consumed()
  second.resolve(own.wire)
  assert.equal(await lines.publishing(), own.wire)
  first.block('memory')
  own.block('disk')
  own.block(undefined)
  await turnEnded()
  assert.deepEqual(alarms, ['disk', undefined])
})

test('an alarm while the line for publishing cannot be opened fails nothing but the publish', async () => {
  const { lines, first, second, alarms } = bench()
  lines.consumed()
  const publishing = lines.publishing()
  first.block('memory')
  second.reject(new Error('refused'))
  await assert.rejects(publishing, /refused/)
  // A rejection that nobody has taken would be told by now, and end the process.
  await turnEnded()
  await turnEnded()
  assert.deepEqual(alarms, [])
})
