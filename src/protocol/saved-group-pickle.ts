import { ResultDecodeError } from './errors.js'
import { unpickle } from './pickle.js'
import type { PickleMaker } from './pickle-globals.js'
import type { GroupMeta } from './result-meta.js'
import { groupMetaFromDict } from './result-tuple.js'

/*
 * A group as Celery's database backend saves it: the pickle of a `GroupResult`, which names Celery's own functions. They
 * are read as what they mean for the structure; the members' backend, with its URL, is skipped.
 * Source: celery/result.py `AsyncResult.__reduce_args__`, `GroupResult.__reduce_args__`; celery/app/base.py `_unpickle_appattr`.
 */

/** A result in wire form, on its way through the pickle. */
type WireResult = readonly [head: readonly [id: unknown, parent: unknown], members: readonly unknown[] | null]

const MAKERS: ReadonlyMap<string, PickleMaker> = new Map<string, PickleMaker>([
  ['celery.app.base._unpickle_appattr', ([name, args]) => resultOf(name, args)],
  ['celery.backends.base.unpickle_backend', () => null],
  ['celery.backends.database.DatabaseBackend', () => null],
])

/** Throws `ResultDecodeError` for anything that is no such pickle. */
export function groupMetaFromPickle(bytes: Uint8Array): GroupMeta {
  try {
    return groupMetaFromDict({
      result: unpickle(bytes, { makerOf: (module, name) => MAKERS.get(`${module}.${name}`) }),
    })
  } catch (cause) {
    if (cause instanceof ResultDecodeError) throw cause
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new ResultDecodeError(`a saved group cannot be read: ${why}`, { cause })
  }
}

/** `AsyncResult(id, backend, task name, app, parent)`, `GroupResult(id, results)`. */
function resultOf(name: unknown, args: unknown): WireResult {
  if (!Array.isArray(args)) throw new ResultDecodeError('a saved result has no arguments')
  const [id, second, , , parent] = args as readonly unknown[]
  if (name === 'AsyncResult') return [[id, parent ?? null], null]
  if (name === 'GroupResult' && Array.isArray(second)) return [[id, null], second]
  throw new ResultDecodeError(`a saved group holds a ${String(name).slice(0, 64)}`)
}
