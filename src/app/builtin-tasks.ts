import type { ResultBackend } from '../backends/backend.js'
import { withArguments } from '../canvas/arguments.js'
import { chunks } from '../canvas/canvas.js'
import { chordOf, groupOf } from '../canvas/members.js'
import type { TypedSignature } from '../canvas/typed-signature.js'
import { LovageError } from '../lib/errors.js'
import { groupId } from '../protocol/ids.js'
import { resultTupleFromWire, resultTupleToWire } from '../protocol/result-tuple.js'
import type { Signature } from '../protocol/signature.js'
import { asSignature, withTaskId } from '../protocol/signature-place.js'
import { bindArguments } from './bind-arguments.js'
import { type UnlockWorld, unlockChord } from './chord-unlock.js'
import { NotRegistered } from './errors.js'
import type { AnyResult } from './result.js'
import type { RegisteredTask } from './task.js'
import type { TaskOptions } from './task-options.js'

/*
 * Celery's own tasks, which every worker of a fleet must know, since peers send them. Source: celery/app/builtins.py.
 */

export interface BuiltinWorld extends UnlockWorld {
  backend(): Promise<ResultBackend | undefined>
  findTask(name: string): RegisteredTask | undefined
  applyCanvas(signature: Signature): Promise<AnyResult>
}

export function builtinTasks(world: BuiltinWorld): readonly RegisteredTask[] {
  return [
    builtin('accumulate', (...given: readonly unknown[]) => accumulate(given)),
    builtin('backend_cleanup', async () => void (await (await world.backend())?.cleanup())),
    builtin('map', (task: unknown, it: unknown) => callEach(world, task, it, item => [item]), ['task', 'it']),
    builtin('starmap', (task: unknown, it: unknown) => callEach(world, task, it, listOf), ['task', 'it']),
    builtin('chunks', (task: unknown, it: unknown, n: number) => sendChunks(world, task, it, n), ['task', 'it', 'n']),
    builtin(
      'group',
      (tasks: unknown, _result: unknown, id: string, args: unknown) => sendGroup(world, tasks, id, args),
      ['tasks', 'result', 'group_id', 'partial_args', 'add_to_parent'],
    ),
    builtin('chain', notATask),
    builtin('chord', (header: unknown, body: unknown, args: unknown = []) => sendChord(world, header, body, args), [
      'header',
      'body',
      'partial_args',
      'interval',
      'countdown',
      'max_retries',
      'eager',
    ]),
    builtin(
      'chord_unlock',
      (id: string, body: unknown, interval: unknown, _max: unknown, results: unknown) =>
        unlockChord(world, {
          id,
          body: asSignature(body),
          interval,
          members: listOf(results).map(resultTupleFromWire),
        }),
      ['group_id', 'callback', 'interval', 'max_retries', 'result'],
      { ignoreResult: true, maxRetries: null, acksLate: true },
    ),
  ]
}

function builtin(
  name: string,
  handler: (...args: never[]) => unknown,
  params?: readonly string[],
  options: TaskOptions = {},
): RegisteredTask {
  return { name: `celery.${name}`, handler, options: params === undefined ? options : { ...options, params } }
}

/** The argument at `index`, or all of them. */
function accumulate(given: readonly unknown[]): unknown {
  const last = given.at(-1)
  const named = typeof last === 'object' && last !== null && 'index' in last ? last : undefined
  const args = named === undefined ? given : given.slice(0, -1)
  return typeof named?.index === 'number' ? args[named.index] : args
}

/** One after the other, here: the called signature's own arguments and options have no effect, as in Celery. */
async function callEach(
  world: BuiltinWorld,
  called: unknown,
  items: unknown,
  argsOf: (item: unknown) => readonly unknown[],
): Promise<readonly unknown[]> {
  const { task: name } = asSignature(called)
  const task = world.findTask(name)
  if (task === undefined) throw new NotRegistered([name])
  const values: unknown[] = []
  for (const item of listOf(items)) {
    const args = bindArguments(name, argsOf(item), {}, task.options.params, task.handler.length)
    values.push(await task.handler(...(args as never[])))
  }
  return values
}

async function sendChunks(world: BuiltinWorld, called: unknown, items: unknown, size: number): Promise<unknown> {
  // Whatever the task takes: its arguments came from afar.
  const task = asSignature(called) as TypedSignature<readonly unknown[], unknown>
  return tupleOf(await world.applyCanvas(chunks(task, listOf(items).map(listOf), size)))
}

async function sendGroup(world: BuiltinWorld, tasks: unknown, id: string, args: unknown): Promise<unknown> {
  const group = withTaskId(groupOf(listOf(tasks).map(asSignature)), groupId(id))
  return tupleOf(await world.applyCanvas(withArguments(group, listOf(args))))
}

async function sendChord(world: BuiltinWorld, header: unknown, body: unknown, args: unknown): Promise<unknown> {
  const members = Array.isArray(header) ? groupOf(header.map(asSignature)) : asSignature(header)
  const chord = chordOf(members, asSignature(body))
  return tupleOf(await world.applyCanvas(withArguments(chord, listOf(args))))
}

function tupleOf(result: AnyResult): unknown {
  return resultTupleToWire(result.asTuple())
}

function notATask(): never {
  throw new LovageError('LVG_NOT_A_TASK', 'celery.chain is no task: a chain is sent as its first step.')
}

function listOf(value: unknown): readonly unknown[] {
  if (value === null || value === undefined) return []
  if (Array.isArray(value)) return value
  throw new TypeError(`a list is expected, not ${typeof value}`)
}
