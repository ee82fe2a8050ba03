import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { App } from '../../src/app/app.js'
import { Worker } from '../../src/worker/worker.js'
import { needs, openPlace, type Place } from '../chaos/places.js'

/* A list of URLs: two servers of one's own, of which one at a time is there. Messages do not move between them. */

const PATIENCE = 60

describe('lists of brokers', { concurrency: 2 }, () => {
  for (const name of ['redis', 'rabbitmq', 'postgres'] as const) {
    test(
      `F32 ${name}: with one broker of a list gone, sending and consuming go on at the other, there and back`,
      needs(name),
      async () => {
        await using first = await openPlace(name)
        await using second = await openPlace(name)
        const folder = await mkdtemp(join(tmpdir(), 'lovage-failover-'))
        const settings = {
          brokerUrl: `${first.brokerUrl};${second.brokerUrl}`,
          resultBackend: `db+sqlite:///${join(folder, 'results.db')}`,
          publishTimeout: 30,
        }
        await using client = new App('client', settings, { environment: {} })
        await using app = new App('worker', settings, { environment: {} })
        app.task('echo', (text: string) => text, { acksLate: true })
        const worker = new Worker(app, { name: 'w', concurrency: 4 })
        try {
          // With both there a client and a worker might go to different ones, and never meet.
          await crash(second)
          await worker.start()
          await echoes(client, 'the first alone')
          await start(second)
          await crash(first)
          await echoes(client, 'the second alone')
          await start(first)
          await crash(second)
          await echoes(client, 'the first again')
        } finally {
          await worker.stop('cold')
          rmSync(folder, { recursive: true, force: true })
        }
      },
    )
  }
})

async function echoes(client: App, text: string): Promise<void> {
  const texts = Array.from({ length: 10 }, (_, n) => `${text} ${n}`)
  const results = await Promise.all(texts.map(each => client.sendTask<string>('echo', [each])))
  assert.deepEqual(await Promise.all(results.map(result => result.get({ timeout: PATIENCE }))), texts)
}

async function crash({ server }: Place): Promise<void> {
  await server?.stop('crash')
}

async function start({ server }: Place): Promise<void> {
  await server?.start()
}
