import { CommandError } from '../../control/command-error.js'
import { revokeArguments } from '../../protocol/command-arguments.js'
import { type Dict, isDict } from '../../protocol/dict.js'
import type { TaskId } from '../../protocol/ids.js'
import { pythonRepr } from '../../protocol/python-repr.js'
import { matchingStamps, type Stamps, type StampValue } from '../stamps.js'
import { flag, ids, MAX_IDS, name, tooMany } from './check.js'
import { signalName } from './signal-name.js'
import type { WorkerView } from './worker-view.js'

/** Source of the texts: celery/worker/control.py `revoke`, `_revoke`, `revoke_by_stamped_headers`. */
export function revoke(worker: Pick<WorkerView, 'revoking' | 'runtime'>, args: Dict): unknown {
  const { ids: given, roots: workflows, terminate, signal } = revokeArguments(args)
  const wanted = ids(given, 'task_id')
  const roots = ids(workflows, 'root_id')
  const by = flag(terminate) ? signalName(signal) : undefined
  if (roots.length > 0) return revokeRoots(worker, roots, by)
  worker.revoking.revoke(wanted)
  if (by === undefined) {
    worker.runtime.log.info(`Tasks flagged as revoked: ${shortened(wanted)}`)
    return { ok: `tasks ${pythonRepr(new Set(wanted))} flagged as revoked` }
  }
  const terminated = worker.revoking.terminate(wanted, by)
  if (terminated.length === 0) return { ok: 'terminate: tasks unknown' }
  worker.runtime.log.info(`Terminating ${shortened(terminated)} (${by})`)
  return { ok: `terminate: ${terminated.join(', ')}` }
}

/** Ids that stand beside roots are for workers that know no roots: here they are tasks of those workflows anyway. */
function revokeRoots(
  { revoking, runtime }: Pick<WorkerView, 'revoking' | 'runtime'>,
  roots: readonly TaskId[],
  by: string | undefined,
): unknown {
  revoking.revokeRoots(roots)
  runtime.log.info(`Workflows flagged as revoked: ${shortened(roots)}`)
  if (by === undefined) return { ok: `workflows ${pythonRepr(new Set(roots))} flagged as revoked` }
  const terminated = revoking.terminateRoots(roots, by)
  if (terminated.length === 0) return { ok: 'terminate: tasks unknown' }
  runtime.log.info(`Terminating ${shortened(terminated)} (${by})`)
  return { ok: `terminate: ${terminated.join(', ')}` }
}

export function terminate(worker: Pick<WorkerView, 'revoking' | 'runtime'>, args: Dict): unknown {
  return revoke(worker, { ...args, terminate: true })
}

/** Ids that must not start here, the oldest first. */
export function revoked(worker: Pick<WorkerView, 'revoking'>): unknown {
  return worker.revoking.ids()
}

export function revokeByStampedHeaders(worker: Pick<WorkerView, 'revoking' | 'runtime' | 'work'>, args: Dict): unknown {
  const { terminate: ending, signal } = revokeArguments(args)
  const headers = readHeaders(args['headers'])
  const stamps = stampsOf(headers)
  const by = flag(ending) ? signalName(signal) : undefined
  worker.revoking.revokeStamps(stamps)
  if (by === undefined) return { ok: `headers ${pythonRepr(headers)} flagged as revoked, but not terminated` }
  const matched = new Map<string, Set<StampValue>>()
  const held: TaskId[] = []
  for (const { running, state } of worker.work.held()) {
    if (state !== 'active') continue
    const matches = matchingStamps(running.request, stamps)
    if (matches.length === 0) continue
    held.push(running.request.id)
    for (const [header, value] of matches) {
      const values = matched.get(header) ?? new Set()
      matched.set(header, values.add(value))
    }
  }
  worker.revoking.terminate(held, by)
  return matched.size === 0
    ? { ok: `headers ${pythonRepr(headers)} were not terminated` }
    : { ok: `headers defaultdict(<class 'set'>, ${pythonRepr(matched)}) revoked` }
}

/** An object, or a command line's `name=value` texts. */
function readHeaders(given: unknown): Dict {
  if (isDict(given)) return given
  const list: readonly unknown[] = Array.isArray(given) ? given : [given]
  const pairs = list.map(item => {
    const equals = typeof item === 'string' ? item.indexOf('=') : -1
    if (typeof item !== 'string' || equals < 1) {
      throw new CommandError('TypeError', 'headers must be an object, or texts of the form name=value')
    }
    return [item.slice(0, equals), item.slice(equals + 1)]
  })
  return Object.fromEntries(pairs)
}

function stampsOf(headers: Dict): Stamps {
  const stamps = new Map<string, readonly StampValue[]>()
  let total = 0
  for (const [header, value] of Object.entries(headers)) {
    const values: readonly unknown[] = Array.isArray(value) ? value : value === null ? [] : [value]
    total += values.length
    if (total > MAX_IDS) throw tooMany('headers', total)
    stamps.set(name(header, 'header'), values.map(stampValue))
  }
  return stamps
}

function stampValue(value: unknown): StampValue {
  if (typeof value === 'number' || typeof value === 'boolean') return value
  return name(value, 'stamp')
}

function shortened(ids: readonly string[]): string {
  return ids.length <= 20 ? ids.join(', ') : `${ids.slice(0, 20).join(', ')} and ${ids.length - 20} more`
}
