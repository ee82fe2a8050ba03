import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { App } from '../../src/app/app.js'
import type { CallOptions } from '../../src/app/call-options.js'
import { queueName } from '../../src/protocol/ids.js'
import { temporaryFolder } from '../support/brokers/sqlite-places.js'
import { connect } from '../support/brokers/sqlite-rig.js'

for (const [what, options, mode] of [
  ['persistent, unless asked otherwise', {}, 2],
  ['transient when asked so', { deliveryMode: 'transient' }, 1],
] as const satisfies readonly (readonly [string, CallOptions, number])[]) {
  test(`D02 a task is sent ${what}, to a queue that outlives every connection`, async () => {
    using folder = temporaryFolder()
    const path = join(folder.path, 'queue.db')
    await sendTo(path, options)
    await using later = await connect(path)
    const { ready } = await later.connection.stats(queueName('mail'))
    const [delivery] = await later.connection.get(queueName('mail'), 1)
    assert.equal(ready, 1)
    assert.equal(delivery?.message.properties.deliveryMode, mode)
  })
}

/** From an app that has ended when this resolves. */
async function sendTo(path: string, options: CallOptions): Promise<void> {
  await using app = new App('shop', { brokerUrl: `sqlite:///${path}` }, { environment: {} })
  await app.sendTask('mail.send', [], { queue: 'mail', ...options })
}
