import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { App } from '../../src/app/app.js'
import { EventDump } from '../../src/cli/events/event-dump.js'
import type { ClusterFold } from '../../src/events/cluster-state.js'
import type { ReceivedEvent } from '../../src/events/received-event.js'
import { deferred } from '../../src/lib/deferred.js'
import { LoggedProcess } from '../support/python/logged-process.js'
import { celeryMissing, PROGRAMS, PYTHON } from '../support/python/python.js'
import { pythonWorker } from '../support/python/python-worker.js'
import { eventually, openRabbitMq, rabbitMqMissing } from '../support/services/rabbitmq.js'
import { redisDatabase, redisMissing } from '../support/services/redis.js'

/*
 * Events between the languages, over brokers that workers talk over: Python's own receiver and dump see a Lovage worker,
 * Lovage's fold sees a Python one, and both know each other by gossip and mingle.
 */

const LOVAGE = 'ts@events'
const PYTHON_NODE = 'py@events'
const SOCIAL_WORKER = join(import.meta.dirname, 'social-worker.js')

/** Asked before the first test is registered: it begins while this module waits, and needs what stands below. */
const withoutRedis = celeryMissing() ?? (await redisMissing())
const without = { rabbitmq: withoutRedis ?? (await rabbitMqMissing()), redis: withoutRedis }

for (const broker of ['rabbitmq', 'redis'] as const) {
  const missing = without[broker]
  if (missing !== undefined) {
    test(`events between Python and Lovage over ${broker}`, { skip: missing }, () => undefined)
    continue
  }
  describe(`events between Python and Lovage over ${broker}`, () => {
    const opened: AsyncDisposable[] = []
    const fleet = deferred<Fleet>()
    fleet.promise.catch(() => undefined)
    before(async () => {
      try {
        fleet.resolve(await Fleet.start(broker, opened))
      } catch (error) {
        fleet.reject(error)
        throw error
      }
    })
    after(async () => {
      for (const each of opened.reverse()) await each[Symbol.asyncDispose]()
    })

    test("Python's receiver hears a Lovage worker's tasks, Lovage's fold a Python worker's, and both agree", async () => {
      const { app, heard, fold, python } = await fleet.promise
      const ids: string[] = []
      for (const queue of ['ts', 'py']) {
        for (const [task, args] of [
          ['interop.add', [2, 3]],
          ['interop.fail', ['broken: ž']],
          ['interop.retry_once', []],
        ] as const) {
          const { id } = await app.sendTask(task, args, { queue })
          ids.push(id)
          await app.result(id).get({ timeout: 60, propagate: false })
        }
      }
      const ended = (id: string): boolean => ['SUCCESS', 'FAILURE'].includes(fold.task(id)?.state ?? '')
      await eventually('all ends by events', async () => ids.every(ended))
      const seen = ids.map(id => fold.task(id) ?? assert.fail(id))
      assert.deepEqual(
        seen.map(({ state, worker }) => [state, worker]),
        ['ts', 'py'].flatMap(node => ['SUCCESS', 'FAILURE', 'SUCCESS'].map(state => [state, `${node}@events`])),
      )
      const texts = seen.map(({ name, args, result, exception }) => [name, args, result, exception])
      assert.deepEqual(texts[0], texts[3])
      assert.deepEqual([texts[1]?.[0], texts[1]?.[1]], [texts[4]?.[0], texts[4]?.[1]])
      // Python heard the same, member for member, type for type.
      for (const id of ids.slice(0, 3)) {
        const ours = heard
          .filter(event => event.fields['uuid'] === id && event.hostname === LOVAGE)
          .map(({ type }) => type)
        const theirs = () => python().filter(event => event['uuid'] === id && event['hostname'] === LOVAGE)
        await eventually(`Python to hear all of ${id}`, async () => theirs().length >= ours.length)
        assert.deepEqual(
          theirs().map(({ type }) => type),
          ours,
        )
      }
    })

    test('members and types of the same events are the same from both workers', async () => {
      const { python } = await fleet.promise
      const shapes = (hostname: string): ReadonlyMap<string, string> =>
        new Map(
          python()
            .filter(event => event['hostname'] === hostname)
            .map(event => [String(event['type']), shapeOf(event)]),
        )
      const [ours, theirs] = [shapes(LOVAGE), shapes(PYTHON_NODE)]
      const both = [...theirs.keys()].filter(type => ours.has(type)).sort()
      assert.ok(both.length >= 6, both.join(' '))
      for (const type of both) assert.equal(ours.get(type), theirs.get(type), type)
    })

    test("celery events --dump prints a Lovage worker's events, and lovage events --dump prints the same lines", async () => {
      const { app, heard, dump } = await fleet.promise
      const { id } = await app.sendTask('interop.add', [20, 22], { queue: 'ts' })
      await app.result(id).get({ timeout: 60 })
      await dump.says(new RegExp(`task succeeded:.*${id}`))
      await eventually('the end to be heard', async () =>
        heard.some(({ type, fields }) => type === 'task-succeeded' && fields['uuid'] === id),
      )
      const printer = new EventDump()
      const own = heard.map(event => printer.line(event)).filter(line => line.includes(id) && line.startsWith(LOVAGE))
      assert.ok(own.length >= 3)
      const theirs = dump.log.split('\n').map(stable)
      for (const line of own)
        assert.ok(
          theirs.includes(stable(line)),
          `${stable(line)}\n${theirs.filter(one => one.includes(id)).join('\n')}`,
        )
    })

    test('both know each other: mingle, joining, good-bye, missed heartbeats', async () => {
      const { env, lovageWorker, pythonWorker: neighbour } = await fleet.promise
      await lovageWorker.says(/mingle: sync with 1 nodes/)
      await lovageWorker.says(/py@events joined the party/)
      await neighbour.says(/ts@events joined the party/)
      {
        await using third = lovageProcess(env, 'third@events')
        await third.says(/mingle: sync with 2 nodes/)
        await neighbour.says(/third@events joined the party/)
      }
      await neighbour.says(/third@events left/)
      await lovageWorker.says(/third@events left/)
      const fourth = lovageProcess(env, 'fourth@events')
      await neighbour.says(/fourth@events joined the party/)
      await lovageWorker.says(/fourth@events joined the party/)
      fourth.child.kill('SIGKILL')
      await fourth.ended
      await Promise.all([
        neighbour.says(/missed heartbeat from fourth@events/),
        lovageWorker.says(/missed heartbeat from fourth@events/),
      ])
    })
  })
}

type PythonEvent = Readonly<Record<string, unknown>>

interface Fleet {
  readonly env: Readonly<Record<string, string>>
  readonly app: App
  readonly heard: readonly ReceivedEvent[]
  readonly fold: ClusterFold
  readonly lovageWorker: LoggedProcess
  readonly pythonWorker: LoggedProcess
  readonly dump: LoggedProcess
  /** What Python's receiver has heard so far. */
  python(): readonly PythonEvent[]
}

const Fleet = {
  async start(broker: 'rabbitmq' | 'redis', opened: AsyncDisposable[]): Promise<Fleet> {
    const keep = <T extends AsyncDisposable>(one: T): T => {
      opened.push(one)
      return one
    }
    const redis = keep(await redisDatabase())
    const url = broker === 'redis' ? redis.url : keep(await openRabbitMq('interop-events')).url
    const env = { LOVAGE_BROKER: url, LOVAGE_BACKEND: redis.url, LOVAGE_REDIS: redis.url }
    const app = keep(new App('watcher', { brokerUrl: url, resultBackend: redis.url }))
    const fold = app.events.fold()
    const heard: ReceivedEvent[] = []
    const listening = deferred<void>()
    const receiver = keep(app.events.receive({ onListening: () => listening.resolve() }))
    void (async () => {
      for await (const events of receiver) {
        heard.push(...events)
        fold.apply(events)
      }
    })()
    await listening.promise
    const python = keep(
      new LoggedProcess("Python's receiver", [PYTHON, 'pyevents.py', '--seconds', '600'], { cwd: PROGRAMS, env }),
    )
    const lines: PythonEvent[] = []
    let rest = ''
    python.child.stdout?.on('data', (text: string) => {
      const parts = (rest + text).split('\n')
      rest = parts.pop() ?? ''
      for (const line of parts) if (line.startsWith('{')) lines.push(JSON.parse(line))
    })
    const dump = keep(
      new LoggedProcess('celery events --dump', [PYTHON, '-m', 'celery', '-A', 'pyapp', 'events', '--dump'], {
        cwd: PROGRAMS,
        env: { ...env, PYTHONUNBUFFERED: '1' },
      }),
    )
    await Promise.all([python.says(/"ready"/), dump.says(/starting capture/)])
    const neighbour = keep(await pythonWorker(PYTHON_NODE, { env, queues: ['py'], concurrency: 2, social: true }))
    const lovageWorker = keep(lovageProcess(env, LOVAGE))
    await lovageWorker.says(/^ready$/m)
    await dump.says(/ts@events.*heartbeat|ts@events.*started/)
    return { env, app, heard, fold, lovageWorker, pythonWorker: neighbour, dump, python: () => lines }
  },
}

function lovageProcess(env: Readonly<Record<string, string>>, name: string): LoggedProcess {
  const queues = name === LOVAGE ? 'ts' : name
  const given = { ...env, LOVAGE_NODENAME: name, LOVAGE_QUEUES: queues }
  return new LoggedProcess(name, [process.execPath, SOCIAL_WORKER], { env: given })
}

/** Names and kinds; what may be null as well as text counts as either. */
function shapeOf(event: PythonEvent): string {
  const kinds = Object.entries(event).map(([name, value]) => {
    const kind = value === null ? 'null' : Array.isArray(value) ? 'list' : typeof value
    return ['eta', 'expires', 'parent_id', 'signum'].includes(name) ? name : `${name}:${kind}`
  })
  return kinds.sort().join(' ')
}

/** Without what differs from reader to reader; spans to the microsecond. */
function stable(line: string): string {
  return line
    .replace(/\[[^\]]*\]/, '')
    .replace(/local_received=[\d.]+, /, '')
    .replace(/clock=\d+, /, '')
    .replace(/runtime=([\d.e-]+)/, (_, seconds) => `runtime=${Number(seconds).toFixed(6)}`)
    .trim()
}
