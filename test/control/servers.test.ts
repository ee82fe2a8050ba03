import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { App } from '../../src/app/app.js'
import { deferred } from '../../src/lib/deferred.js'
import { Worker } from '../../src/worker/worker.js'
import { MemoryLines } from '../support/worker/rig.js'
import { PLACES, type Place } from './places.js'

/** Replies come when they come; where their number is known nobody waits that long. */
const PATIENT = { timeout: 60 } as const
const NAMES = ['w1@h', 'w2@h', 'x@h']

/** Three workers and an asker at one broker. */
class Fleet implements AsyncDisposable {
  readonly asker: App
  readonly #ends: AsyncDisposable[] = []
  readonly #place: Place

  private constructor(place: Place) {
    this.#place = place
    this.asker = new App('asker', place.settings)
  }

  static async start(place: Place): Promise<Fleet> {
    const fleet = new Fleet(place)
    for (const name of NAMES) await fleet.add(name)
    const found = await fleet.asker.inspect({ destination: NAMES, ...PATIENT }).ping()
    assert.deepEqual(Object.keys(found).sort(), NAMES)
    return fleet
  }

  async add(name: string, use: (app: App) => void = () => undefined): Promise<void> {
    const app = new App('demo', { ...this.#place.settings, taskDefaultQueue: `tasks.${name}` })
    use(app)
    const options = { name, concurrency: 2, withoutGossip: true, withoutMingle: true, withoutHeartbeat: true }
    const worker = new Worker(app, options, { spool: new MemoryLines() })
    await worker.start()
    this.#ends.push({
      async [Symbol.asyncDispose]() {
        await worker.stop('warm')
        await app[Symbol.asyncDispose]()
      },
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.asker[Symbol.asyncDispose]()
    await Promise.all(this.#ends.map(end => end[Symbol.asyncDispose]()))
  }
}

for (const kind of PLACES) {
  const missing = await kind.missing()
  const options = missing === undefined ? {} : { skip: missing }
  describe(`remote control over ${kind.name}`, options, () => {
    let place: Place
    let fleet: Fleet
    before(async () => {
      place = await kind.open()
      fleet = await Fleet.start(place)
    })
    after(async () => {
      await fleet?.[Symbol.asyncDispose]()
      await place?.[Symbol.asyncDispose]()
    })

    test('everybody is asked, by name, by pattern, or all of them', async () => {
      const { asker } = fleet
      const pong = { ok: 'pong' }
      const all = await asker.control.ping({ ...PATIENT, limit: 3 })
      assert.deepEqual(all, { 'w1@h': pong, 'w2@h': pong, 'x@h': pong })
      assert.deepEqual(await asker.inspect({ destination: 'w2@h', ...PATIENT }).ping(), { 'w2@h': pong })
      const pattern = await asker.inspect({ pattern: 'w?@h', limit: 2, ...PATIENT }).ping()
      assert.deepEqual(Object.keys(pattern).sort(), ['w1@h', 'w2@h'])
      assert.deepEqual(await asker.inspect({ destination: 'nobody@h', timeout: '300ms' }).ping(), {})
    })

    test('H18 a worker whose slots are all taken answers', async () => {
      const begun = deferred()
      const end = deferred()
      await fleet.add('busy@h', app => {
        app.task('tasks.wait', async () => {
          begun.resolve()
          await end.promise
        })
      })
      const queue = 'tasks.busy@h'
      for (let i = 0; i < 6; i++) await fleet.asker.sendTask('tasks.wait', [], { queue })
      await begun.promise
      const [active] = Object.values(await fleet.asker.inspect({ destination: 'busy@h', ...PATIENT }).active())
      end.resolve()
      assert.ok(Array.isArray(active) && active.length > 0)
    })

    test('H18 two hundred calls leave nothing at the broker', async () => {
      const before = await place.left()
      const clients = [new App('client', place.settings), new App('client', place.settings)]
      await Promise.all(
        clients.map(async client => {
          const ask = client.inspect({ destination: 'w1@h', ...PATIENT })
          for (let i = 0; i < 100; i++) assert.deepEqual(Object.keys(await ask.ping()), ['w1@h'])
        }),
      )
      await Promise.all(clients.map(client => client[Symbol.asyncDispose]()))
      const replies = async (): Promise<readonly string[]> =>
        (await place.left()).filter(name => !before.includes(name) && /reply|asker/.test(name))
      const deadline = performance.now() + 60_000
      while ((await replies()).length > 0 && performance.now() < deadline)
        await new Promise(resolve => setTimeout(resolve, 500))
      assert.deepEqual(await replies(), [])
    })
  })
}
