import assert from 'node:assert/strict'
import { setOptions } from '../../src/app/set-options.js'
import type { TaskName } from '../../src/protocol/ids.js'
import type { Signature } from '../../src/protocol/signature.js'
import { eventually } from '../support/services/rabbitmq.js'
import { MIXED, PY, PY_NODE, TS, TS_NODE } from './combination.js'
import type { InteropCase } from './suite.js'

const DEADLINE = { timeout: 90 }
const NO_CHORDS = { rpc: 'chords: results by message have none' }

/** One queue with workers of both languages, and workflows that cross from one to the other. */
export const MIXED_FLEET: readonly InteropCase[] = [
  {
    name: 'both take from one queue, each call once, whoever sent it',
    async run({ lovage, python, redis }) {
      const counted = 40
      const fromLovage = await Promise.all(
        Array.from({ length: counted }, () => lovage.sendTask('interop.request', [], { queue: MIXED })),
      )
      const hosts = await Promise.all(
        fromLovage.map(async each => ((await each.get(DEADLINE)) as { hostname: string }).hostname),
      )
      assert.deepEqual([...new Set(hosts)].sort(), [PY_NODE, TS_NODE])
      for (let i = 0; i < counted; i++) {
        await python.send({ task: 'interop.redis_incr', args: ['interop:mixed'], options: { queue: MIXED } })
      }
      const last = await python.call({ task: 'interop.redis_incr', args: ['interop:last'], options: { queue: MIXED } })
      assert.equal(last.result, 1)
      await eventually(
        `${counted} increments`,
        async () => (await redis.client.get('interop:mixed')) === String(counted),
      )
    },
  },
  {
    name: 'retries are taken over by the other language',
    async run({ lovage }) {
      // Python stores RETRY after it has sent the next attempt: with a shorter pause it may overwrite the end in a database.
      const sent = await Promise.all(
        Array.from({ length: 8 }, () => lovage.sendTask('interop.retry_n_times', [3, 0.5], { queue: MIXED })),
      )
      for (const each of sent) assert.equal(await each.get(DEADLINE), 3)
    },
  },
  {
    name: 'a chain of Python crosses over and back',
    async run({ python }) {
      const step = (task: string, args: readonly unknown[], queue: string) => ({ task, args, options: { queue } })
      const chain = [
        step('interop.add', [1, 2], PY),
        step('interop.mul', [10], TS),
        step('interop.add', [4], PY),
        step('interop.mul', [2], TS),
      ]
      const out = await python.run(['call', '--canvas', '-', '--timeout', '60'], JSON.stringify({ chain }))
      assert.equal(out.result, 68)
      const { result } = await python.run(
        ['call', '--canvas', '-', '--timeout', '60'],
        JSON.stringify({
          chain: [
            step('interop.chain_ids', [null, 'a'], TS),
            { task: 'interop.chain_ids', kwargs: { tag: 'b' }, options: { queue: PY } },
            { task: 'interop.chain_ids', kwargs: { tag: 'c' }, options: { queue: TS } },
          ],
        }),
      )
      const [[, a, , root], [, b, parentOfB, rootOfB], [, , parentOfC, rootOfC]] = result
      assert.deepEqual([root, parentOfB, rootOfB, parentOfC, rootOfC], [a, a, a, b, a])
    },
  },
  {
    name: 'a chain of Lovage crosses over and back',
    async run({ lovage }) {
      const last = 'chain-end'
      const chain = [
        step('interop.mul', [2], { queue: TS, taskId: last, replyTo: lovage.replyTo }),
        step('interop.add', [4], { queue: PY }),
        step('interop.mul', [10], { queue: TS }),
      ]
      await lovage.sendTask('interop.add', [1, 2], { queue: PY, chain })
      assert.equal(await lovage.result(last).get(DEADLINE), 68)
    },
  },
  {
    name: 'a failure in one language reaches whoever waits for a later step in the other',
    async run({ lovage, python }) {
      for (const [first, second] of [
        [PY, TS],
        [TS, PY],
      ] as const) {
        const chain = [
          { task: 'interop.fail', args: ['early'], options: { queue: first } },
          { task: 'interop.add', args: [1], options: { queue: second } },
        ]
        const out = await python.run(['call', '--canvas', '-', '--timeout', '60'], JSON.stringify({ chain }))
        assert.deepEqual([out.state, out.result.exc_type, out.result.args], ['FAILURE', 'ValueError', ['early']])
        const id = `after-failure-${first}`
        const later = step('interop.add', [1], { queue: second, taskId: id, replyTo: lovage.replyTo })
        await lovage.sendTask('interop.fail', ['early'], { queue: first, chain: [later] })
        await assert.rejects(lovage.result(id).get(DEADLINE), { excType: 'ValueError', excMessage: ['early'] })
      }
    },
  },
  {
    name: 'links and errbacks run in the other language',
    async run(combination) {
      const { lovage } = combination
      for (const [here, there, errback] of [
        [PY, TS, 'interop.ts_append'],
        [TS, PY, 'interop.redis_append'],
      ] as const) {
        const kwargs = { key: `interop:link:${here}` }
        const link = { ...step('interop.redis_append', [], { queue: there }), kwargs }
        await lovage.sendTask('interop.add', [2, 3], { queue: here, link })
        assert.equal(await combination.popped(kwargs.key), '5')
        const linkError = { ...step(errback, [], { queue: there }), kwargs }
        const { id } = await lovage.sendTask('interop.fail', ['x'], { queue: here, linkError })
        assert.equal(await combination.popped(kwargs.key), id)
      }
    },
  },
  {
    name: 'a task of one language publishes a task of the other, and remembers it as its child',
    async run({ lovage }) {
      for (const [here, there] of [
        [PY, TS],
        [TS, PY],
      ] as const) {
        const sent = await lovage.sendTask<string>('interop.spawn', ['interop.ids', [], there], { queue: here })
        assert.match(await sent.get(DEADLINE), /^[0-9a-f-]{36}$/)
      }
    },
  },
  {
    name: 'parts of one chord run in both languages',
    lacks: NO_CHORDS,
    async run({ python, kind }) {
      const part = (x: number, queue: string) => ({ task: 'interop.add', args: [x, x], options: { queue } })
      // Where the backend does not count itself, celery.chord_unlock does, in the body's queue.
      const bodies = kind.backend === 'redis' ? [PY, TS] : [PY]
      for (const queue of bodies) {
        const chord = {
          chord: [part(1, PY), part(2, TS), part(3, PY), part(4, TS)],
          body: { task: 'interop.xsum', options: { queue } },
        }
        const out = await python.run(['call', '--canvas', '-', '--timeout', '60'], JSON.stringify(chord))
        assert.equal(out.result, 20, queue)
      }
    },
  },
  {
    name: 'a part that fails in one language fails the chord for the other',
    lacks: NO_CHORDS,
    async run({ python, kind }) {
      const bodies = kind.backend === 'redis' ? [PY, TS] : [PY]
      for (const failing of [PY, TS]) {
        for (const queue of bodies) {
          const chord = {
            chord: [
              { task: 'interop.fail', args: ['part'], options: { queue: failing } },
              { task: 'interop.add', args: [1, 1], options: { queue: TS } },
            ],
            body: { task: 'interop.xsum', options: { queue } },
          }
          const out = await python.run(['call', '--canvas', '-', '--timeout', '60'], JSON.stringify(chord))
          assert.deepEqual([out.state, out.result.exc_type], ['FAILURE', 'ChordError'])
          // What celery.chord_unlock says names the part only where results are cached.
          const expected =
            kind.backend === 'redis' ? /^Dependency .* raised ValueError\('part'\)$/ : /ValueError\('part'\)$/
          assert.match(out.result.str, expected)
        }
      }
    },
  },
]

function step(task: string, args: readonly unknown[], options: Parameters<typeof setOptions>[1]): Signature {
  const plain: Signature = {
    task: task as TaskName,
    args,
    kwargs: {},
    options: {},
    subtaskType: null,
    immutable: false,
  }
  return setOptions(plain, options)
}
