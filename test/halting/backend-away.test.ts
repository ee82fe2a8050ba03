import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { currentTask } from '../../src/app/current-task.js'
import { ChaosProxy } from '../../src/testing/chaos/chaos-proxy.js'
import { until } from '../../src/testing/chaos/waiting.js'
import { needsPostgres, ScratchDatabase } from '../support/services/postgres.js'
import { redisDatabase, redisMissing } from '../support/services/redis.js'
import type { HaltingPlace } from './real/halting-place.js'
import { PATIENCE, Rig, type RigWorker } from './real/rig.js'

/* H29: the result backend, behind a network, is away when a task ends. The broker is there all the time. */

const missing = await redisMissing()
const database = missing === undefined ? await redisDatabase() : undefined
after(() => database?.[Symbol.asyncDispose]())

const place: HaltingPlace = {
  name: 'redis',
  needed: missing === undefined ? {} : { skip: missing },
  url: () => `${database?.url}?socket_timeout=2`,
  settings: { leaseTime: 6, leaseRenewInterval: 1 },
  deleteQueue: async () => undefined,
}

interface Backend {
  readonly name: string
  readonly needed: { readonly skip?: string }
  open(): Promise<{ readonly url: string } & AsyncDisposable>
}

const BACKENDS: readonly Backend[] = [
  { name: 'redis', needed: place.needed, open: () => redisDatabase() },
  {
    name: 'postgres',
    needed: missing === undefined ? needsPostgres : place.needed,
    async open() {
      const scratch = await ScratchDatabase.create()
      return { url: scratch.url('db+postgresql'), [Symbol.asyncDispose]: () => scratch[Symbol.asyncDispose]() }
    },
  },
]

/** A task that ends when it is told to, so that what happens before its end is certain. */
class Gate {
  readonly #open: (() => void)[] = []

  task(rig: Rig): (app: RigWorker['app'], node: RigWorker) => void {
    return (app, { name }) => {
      app.task(
        'gated',
        async () => {
          rig.note(name, 'start')
          await new Promise<void>(resolve => this.#open.push(resolve))
          rig.note(name, 'end')
          return name
        },
        { acksLate: true },
      )
    }
  }

  open(): void {
    for (const open of this.#open.splice(0)) open()
  }
}

describe('result backends that are away', { concurrency: 3 }, () => {
  for (const { name, needed, open } of BACKENDS) {
    test(
      `H29 ${name}: a task is not acked before its end is stored, and it is stored when the backend is back`,
      needed,
      async () => {
        await using backend = await open()
        await using proxy = await ChaosProxy.before(backend.url)
        await using rig = await Rig.open(place, `h29-${name}`, { resultBackend: backend.url })
        const gate = new Gate()
        await rig.worker({ settings: { resultBackend: proxy.url }, tasks: gate.task(rig) })
        const id = `${rig.queue}-a`
        const result = await rig.client.sendTask<string>('gated', [], { taskId: id })
        await rig.started([id])
        await proxy.refuse()
        gate.open()
        await rig.ended([id])
        // The slot is free meanwhile.
        const others = await rig.send('other', 8)
        await rig.ended(others)
        assert.equal((await rig.stats()).held, 9)
        assert.equal(await result.state(), 'PENDING')
        await proxy.heal()
        assert.equal(await result.get({ timeout: 60 }), 'w1')
        await rig.empty()
        rig.once([id, ...others])
      },
    )

    test(
      `H29 D47 ${name}: away for longer than is waited for, the message goes back, and the state is right in the end`,
      needed,
      async () => {
        await using backend = await open()
        await using proxy = await ChaosProxy.before(backend.url)
        await using rig = await Rig.open(place, `h29b-${name}`, { resultBackend: backend.url, resultWriteTimeout: 1 })
        const { log } = await rig.worker({ settings: { resultBackend: proxy.url } })
        await rig.drained(await rig.send('before', 1))
        await proxy.refuse()
        const [id = ''] = await rig.send('a', 1)
        await until(
          'the message to go back',
          () => log.some(line => /could not be stored/.test(line.message)),
          PATIENCE,
        )
        await proxy.heal()
        assert.equal(await rig.client.result<string>(id).get({ timeout: 60 }), 'w1')
        await rig.empty()
      },
    )

    test(`H29 ${name}: the worker killed meanwhile, another one runs it and stores its end`, needed, async () => {
      await using backend = await open()
      await using proxy = await ChaosProxy.before(backend.url)
      await using rig = await Rig.open(place, `h29c-${name}`, { resultBackend: backend.url })
      const first = await rig.worker({ settings: { resultBackend: proxy.url } })
      await rig.drained(await rig.send('before', 1))
      await proxy.refuse()
      const [id = ''] = await rig.send('a', 1)
      await rig.ended([id])
      first.proxy.blackhole()
      void first.worker.stop('hard')
      await rig.worker()
      assert.equal(await rig.client.result<string>(id).get({ timeout: 60 }), 'w2')
      await rig.empty()
    })

    test(`H29 ${name}: a retry is not published before its state is stored`, needed, async () => {
      await using backend = await open()
      await using proxy = await ChaosProxy.before(backend.url)
      await using rig = await Rig.open(place, `h29d-${name}`, { resultBackend: backend.url })
      await rig.worker({
        settings: { resultBackend: proxy.url },
        tasks: app => {
          app.task(
            'again',
            async () => {
              rig.note('w1', 'start')
              if (currentTask().retries === 0) {
                await proxy.refuse()
                rig.note('w1', 'end')
                throw currentTask().retry({ countdown: 0 })
              }
              return currentTask().retries
            },
            { acksLate: true },
          )
        },
      })
      const id = `${rig.queue}-a`
      const result = await rig.client.sendTask<number>('again', [], { taskId: id })
      await rig.ended([id])
      const others = await rig.send('other', 8)
      await rig.ended(others)
      assert.equal(rig.times(id), 1)
      await proxy.heal()
      assert.equal(await result.get({ timeout: 60 }), 1)
      await rig.empty()
      assert.equal(rig.times(id), 2)
    })
  }
})
