import assert from 'node:assert/strict'
import type { Connection } from '../../brokers/broker.js'
import { LimitBook } from '../../brokers/limits/limit-book.js'
import type { LimitAnswer, LimitAsk, LimitRequest } from '../../brokers/limits/limit-store.js'
import type { BrokerCase } from './broker-bench.js'
import type { BrokerCapability } from './broker-harness.js'

const LIMITS: readonly BrokerCapability[] = ['limits']
const LIMITS_AND_LEASES: readonly BrokerCapability[] = ['limits', 'leases']

const HOUR = 3_600_000

const NOTHING: LimitRequest = { done: [], kept: [], asks: [] }

/** Limits over the cluster: brokers/limits/limit-store.ts. */
export const LIMITING: readonly BrokerCase[] = [
  {
    name: 'a window lets so many begin, whoever asks, and says when there is room again',
    needs: LIMITS,
    async run(bench) {
      const [one, other] = [await bench.connect(), await bench.connect()]
      // Long: a busy machine must not see it pass between two questions.
      const rate = { key: 'rate', windows: [{ max: 3, ms: HOUR }] }
      const first = await ask(one, { names: [1, 2], rate })
      assert.deepEqual(first, { granted: 2, wait: 0 })
      const { granted, wait } = await ask(other, { names: [1, 2], rate })
      assert.equal(granted, 1)
      assert.ok(wait !== undefined && wait > HOUR / 2 && wait <= HOUR * 1.1, `${wait} ms`)
      const soon = { key: 'soon', windows: [{ max: 1, ms: bench.times.delay }] }
      assert.equal((await ask(one, { names: [1], rate: soon })).granted, 1)
      await bench.eventually('a turn', async () => (await ask(other, { names: [1], rate: soon })).granted === 1)
    },
  },
  {
    name: 'several windows hold together',
    needs: LIMITS,
    async run(bench) {
      const connection = await bench.connect()
      const windows = [
        { max: 100, ms: 1 },
        { max: 4, ms: HOUR },
      ]
      assert.equal((await ask(connection, { names: [1, 2, 3], rate: { key: 'rate', windows } })).granted, 3)
      const { granted, wait } = await ask(connection, { names: [4, 5, 6], rate: { key: 'rate', windows } })
      assert.equal(granted, 1)
      assert.ok(wait !== undefined && wait > 3_000_000, `${wait} ms`)
    },
  },
  {
    name: 'places are shared by all, given back one by one, and free when their connection closes',
    needs: LIMITS,
    async run(bench) {
      const [one, other] = [await bench.connect(), await bench.connect()]
      const places = { key: 'places', max: 3 }
      assert.equal((await ask(one, { names: [1, 2], places })).granted, 2)
      assert.deepEqual(await ask(other, { names: [1, 2], places }), { granted: 1, wait: undefined })
      await one.limit?.({ ...NOTHING, done: [{ key: 'places', names: [1] }] })
      assert.equal((await ask(other, { names: [2, 3], places })).granted, 1)
      await one[Symbol.asyncDispose]()
      await bench.eventually('the place', async () => (await ask(other, { names: [3], places })).granted === 1)
      assert.equal((await ask(other, { names: [4], places })).granted, 0)
    },
  },
  {
    name: 'D23 the places of a dead holder are free within the bound, those of a live one never',
    needs: LIMITS_AND_LEASES,
    async run(bench) {
      const holder = await bench.holder()
      const other = await bench.connect()
      const places = { key: 'places', max: 2 }
      assert.equal((await ask(holder.connection, { names: [1], places })).granted, 1)
      assert.equal((await ask(other, { names: [1], places })).granted, 1)
      await bench.place.pass(bench.times.long)
      assert.equal((await ask(other, { names: [2], places })).granted, 0)
      await holder.freeze()
      await bench.eventually(
        'the place',
        async () => (await ask(other, { names: [2], places })).granted === 1,
        bench.times.detect,
      )
      assert.equal((await ask(other, { names: [3], places })).granted, 0)
    },
  },
  {
    name: 'what is asked for at one time by many comes to no more than the limit, and to no less',
    needs: LIMITS,
    async run(bench) {
      const connections = await Promise.all(Array.from({ length: 5 }, () => bench.connect()))
      const limits = { places: { key: 'places', max: 7 }, rate: { key: 'rate', windows: [{ max: 11, ms: 3_600_000 }] } }
      const placed = await Promise.all(connections.map(one => ask(one, { names: [1, 2, 3], places: limits.places })))
      assert.equal(total(placed), 7)
      const turned = await Promise.all(connections.map(one => ask(one, { names: [4, 5, 6, 7], rate: limits.rate })))
      assert.equal(total(turned), 11)
    },
  },
  {
    name: 'whatever is asked, held and given back in whatever order: it answers as the model does',
    needs: LIMITS,
    async run(bench) {
      const connections = [await bench.connect(), await bench.connect(), await bench.connect()]
      const book = new LimitBook()
      let seed = 7
      const draw = (below: number): number => {
        seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
        return Math.floor((seed / 2_147_483_648) * below)
      }
      const names = (): readonly number[] => Array.from({ length: 1 + draw(3) }, () => draw(6))
      const key = (): string => ['a', 'it\'s "b" \\ {c}, ü\n', 'd'][draw(3)] ?? 'a'
      for (let step = 0; step < 60; step++) {
        const who = draw(connections.length)
        const request: LimitRequest = {
          done: draw(3) === 0 ? [] : [{ key: key(), names: names() }],
          kept: draw(6) === 0 ? [{ key: key(), names: names() }] : [],
          asks: Array.from({ length: draw(3) }, () => ({
            names: [...new Set(names())],
            // Long enough for the clock not to matter.
            rate: draw(2) === 0 ? undefined : { key: `rate ${key()}`, windows: [{ max: 25, ms: 86_400_000 }] },
            places: { key: key(), max: 3 },
          })),
        }
        const expected = book.decide(request, { now: 0, holder: String(who), alive: () => true })
        const answers = await (connections[who] as Connection).limit?.(request)
        assert.deepEqual(
          answers?.map(answer => answer.granted),
          expected.map(answer => answer.granted),
          `step ${step}`,
        )
      }
    },
  },
]

async function ask(connection: Connection, wanted: Partial<LimitAsk>): Promise<LimitAnswer> {
  const asks = [{ names: [], rate: undefined, places: undefined, ...wanted }]
  const [answer] = (await connection.limit?.({ ...NOTHING, asks })) ?? []
  assert.ok(answer !== undefined, 'the broker answers')
  return answer
}

function total(answers: readonly LimitAnswer[]): number {
  return answers.reduce((sum, { granted }) => sum + granted, 0)
}
