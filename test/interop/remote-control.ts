import assert from 'node:assert/strict'
import { text } from 'node:stream/consumers'
import { parseJson } from '../../src/protocol/json.js'
import { LoggedProcess } from '../support/python/logged-process.js'
import { PROGRAMS, PYTHON } from '../support/python/python.js'
import { type Combination, PY, PY_NODE, TS, TS_NODE } from './combination.js'
import type { InteropCase } from './suite.js'

/** Replies come when the worker has them; the limit is for a machine that others use, too. */
const PATIENCE = { timeout: 60 } as const
const BOTH = [PY_NODE, TS_NODE]

/** What each asks of itself: method of Python's `inspect()`, and its arguments. */
const QUESTIONS: readonly (readonly [method: string, args: readonly unknown[]])[] = [
  ['ping', []],
  ['active', []],
  ['active', [true]],
  ['scheduled', []],
  ['reserved', []],
  ['revoked', []],
  ['registered', []],
  ['registered', ['rate_limit', 'max_retries']],
  ['stats', []],
  ['active_queues', []],
  ['conf', []],
  ['conf', [true]],
  ['clock', []],
  ['report', []],
  ['query_task', ['ffffffff-0000-4000-8000-000000000000']],
  ['hello', ['other@interop']],
  ['memsample', []],
]

/** Celery's command line and `inspect()` against Lovage, and Lovage's against Celery. */
export const REMOTE_CONTROL: readonly InteropCase[] = [
  {
    name: 'every method of inspect() of Python is answered in the shape of a Python worker',
    async run(combination) {
      for (const [method, args] of QUESTIONS) {
        const words = ['inspect', method, JSON.stringify(args), '--timeout', '30', ...destination(BOTH)]
        const replies = parseJson(await python(combination, ['pycontrol.py', ...words])) as Readonly<
          Record<string, unknown>
        >
        const what = `${method}(${args.join(', ')})`
        assert.deepEqual(Object.keys(replies).sort(), BOTH, what)
        compareShapes(replies[PY_NODE], replies[TS_NODE], what)
      }
    },
  },
  {
    name: "Celery's command line asks a Lovage worker",
    async run(combination) {
      const celery = (...words: readonly string[]): Promise<string> =>
        python(combination, ['-m', 'celery', '-A', 'pyapp', '--no-color', ...words, '-t', '30', '-d', TS_NODE])
      assert.match(await celery('inspect', 'ping'), /-> {2}ts@interop: OK\n +pong\n\n1 node online\./)
      assert.match(await celery('inspect', 'active_queues'), new RegExp(`'name': '${TS}'`))
      assert.match(await celery('status'), /-> {2}ts@interop: OK\n\n1 node online\./)
      assert.match(
        await celery('control', 'rate_limit', 'interop.mul', '100/s'),
        /-> {2}ts@interop: OK\n +new rate limit set successfully/,
      )
    },
  },
  {
    name: 'Lovage asks a Celery worker, by every method it has',
    async run({ lovage }) {
      const ask = lovage.inspect({ destination: PY_NODE, ...PATIENCE })
      assert.deepEqual(await ask.ping(), { [PY_NODE]: { ok: 'pong' } })
      const replies = await Promise.all([
        ask.active(),
        ask.active({ safe: true }),
        ask.scheduled(),
        ask.reserved(),
        ask.revoked(),
        ask.registered(),
        ask.stats(),
        ask.activeQueues(),
        ask.conf(),
        ask.clock(),
        ask.report(),
        ask.queryTask('ffffffff-0000-4000-8000-000000000000'),
        ask.hello('other@interop'),
        ask.memsample(),
      ])
      for (const reply of replies) assert.deepEqual(Object.keys(reply), [PY_NODE])
      const [, , , , , registered, stats, queues] = replies
      assert.ok((registered[PY_NODE] as readonly string[]).includes('interop.add'))
      assert.equal(typeof (stats[PY_NODE] as { readonly pid: number }).pid, 'number')
      assert.ok(JSON.stringify(queues[PY_NODE]).includes(`"${PY}"`))
    },
  },
  {
    name: 'Lovage tells a Celery worker what to do, and hears what it cannot',
    async run({ lovage }) {
      const to = { destination: PY_NODE, reply: true, ...PATIENCE } as const
      const { control } = lovage
      assert.deepEqual(await control.rateLimit('interop.mul', '100/s', to), {
        [PY_NODE]: { ok: 'new rate limit set successfully' },
      })
      assert.deepEqual(await control.timeLimit('no.such.task', { soft: 1 }, to), {
        [PY_NODE]: { error: 'unknown task' },
      })
      assert.deepEqual(await control.autoscale(3, 1, to), {
        [PY_NODE]: { error: "ValueError('Autoscale not enabled')" },
      })
      assert.deepEqual(await control.broadcast('no_such_command', {}, to), {
        [PY_NODE]: { error: "KeyError('no_such_command')" },
      })
      const id = '11111111-0000-4000-8000-00000000c0de'
      await control.revoke(id, to)
      const [revoked] = Object.values(await lovage.inspect({ destination: PY_NODE, ...PATIENCE }).revoked())
      assert.ok((revoked as readonly string[]).includes(id))
    },
  },
  {
    name: 'a Celery worker that is told of a workflow revokes what it is told of its members',
    async run({ lovage }) {
      const [root, member] = ['11111111-0000-4000-8000-00000000c0df', '11111111-0000-4000-8000-00000000c0e0']
      const to = { destination: PY_NODE, reply: true, members: [member], ...PATIENCE } as const
      const [answer] = Object.values(await lovage.control.revokeByRoot(root, to))
      assert.match(JSON.stringify(answer), /flagged as revoked/)
      const [revoked] = Object.values(await lovage.inspect({ destination: PY_NODE, ...PATIENCE }).revoked())
      assert.deepEqual(
        [root, member].map(id => (revoked as readonly string[]).includes(id)),
        [true, true],
      )
    },
  },
  {
    name: 'a pattern reaches workers of both languages',
    async run({ lovage }) {
      const ask = (pattern: string, matcher: 'glob' | 'pcre', limit: number) =>
        lovage.inspect({ pattern, matcher, limit, ...PATIENCE }).ping()
      assert.deepEqual(Object.keys(await ask('*@interop', 'glob', 2)).sort(), BOTH)
      assert.deepEqual(Object.keys(await ask('(ts|py)@', 'pcre', 2)).sort(), BOTH)
      assert.deepEqual(Object.keys(await ask('t?@*', 'glob', 1)), [TS_NODE])
    },
  },
]

function destination(nodes: readonly string[]): readonly string[] {
  return nodes.flatMap(node => ['--destination', node])
}

/** What the program prints. */
async function python(combination: Combination, words: readonly string[]): Promise<string> {
  const env = combination.environment(TS)
  await using program = new LoggedProcess(words.join(' '), [PYTHON, ...words], { cwd: PROGRAMS, env })
  const { stdout } = program.child
  if (stdout === null) return assert.fail('no standard output')
  const printed = await text(stdout)
  await program.ended
  if (program.child.exitCode !== 0) throw program.trouble('failed')
  return printed
}

/** Every member of theirs is there in ours, of the same kind; what may be absent in theirs may be anything in ours. */
function compareShapes(theirs: unknown, ours: unknown, where: string): void {
  if (theirs === null || ours === null) return
  assert.equal(kindOf(ours), kindOf(theirs), `${where}: ${JSON.stringify(ours)?.slice(0, 200)}`)
  if (Array.isArray(theirs) && Array.isArray(ours)) {
    if (theirs.length > 0 && ours.length > 0) compareShapes(theirs[0], ours[0], `${where}[0]`)
    return
  }
  if (typeof theirs !== 'object' || typeof ours !== 'object') return
  const ourMembers = ours as Readonly<Record<string, unknown>>
  for (const [name, value] of Object.entries(theirs)) {
    if (isFree(where, name)) continue
    assert.ok(name in ourMembers, `${where} lacks ${name}`)
    compareShapes(value, ourMembers[name], `${where}.${name}`)
  }
}

/** Members that are names of tasks, settings or ids, and arguments of tasks: each worker has its own. */
function isFree(where: string, name: string): boolean {
  if (name === 'args' || name === 'kwargs') return true
  return /^conf\(|\.total$|\.transport_options$|\.revoked$|^query_task/.test(where) || name === 'writes'
}

function kindOf(value: unknown): string {
  return Array.isArray(value) ? 'array' : typeof value
}
