import { type Dict, isDict, setMember } from './dict.js'
import { ResultDecodeError } from './errors.js'
import { type GroupId, nameProblem, type TaskId, type TaskName } from './ids.js'
import type { ExceptionInfo, ExtendedMeta, ResultMeta, ResultTuple, RetryIntent } from './result-meta.js'
import { resultTupleFromWire, resultTupleToWire } from './result-tuple.js'

/*
 * The stored record of a task, `{status, result, traceback, children, date_done, …, task_id}`, both ways.
 * Source: celery/backends/base.py `_get_result_meta`, `prepare_exception`, `exception_to_python`.
 */

/** States whose `result` is an exception. Source: celery/states.py EXCEPTION_STATES. */
const EXCEPTION_STATES: ReadonlySet<string> = new Set(['RETRY', 'FAILURE', 'REVOKED'])

/** Members of `ExtendedMeta` on the wire. */
const EXTENDED = ['name', 'args', 'kwargs', 'worker', 'retries', 'queue'] as const

/** In the order Celery writes. `nesting` and `intent`, which Celery does not know and ignores, stand before `task_id`. */
export function resultMetaToDict(meta: ResultMeta): Dict {
  const dict: Record<string, unknown> = {
    status: meta.status,
    result: storedResult(meta),
    traceback: meta.traceback ?? null,
    children: meta.children === undefined ? null : meta.children.map(resultTupleToWire),
    date_done: meta.dateDone ?? null,
  }
  // Spreading what most records have not would copy them four times.
  if (meta.groupId !== undefined) dict['group_id'] = meta.groupId
  if (meta.parentId !== undefined) dict['parent_id'] = meta.parentId
  if (meta.extended !== undefined)
    for (const [name, value] of Object.entries(extendedToDict(meta.extended))) setMember(dict, name, value)
  if (meta.nesting !== undefined) dict['nesting'] = meta.nesting
  if (meta.intent !== undefined) dict['intent'] = { ...meta.intent }
  dict['task_id'] = meta.taskId
  return dict
}

/** Never imports, constructs or calls anything by a name it reads. Throws `ResultDecodeError` for what is no record. */
export function resultMetaFromDict(dict: unknown): ResultMeta {
  if (!isDict(dict)) throw new ResultDecodeError('a stored result is not an object')
  const status = dict['status']
  if (typeof status !== 'string' || status === '') throw new ResultDecodeError('a stored result has no status')
  const problem = nameProblem(dict['task_id'])
  if (problem !== undefined) throw new ResultDecodeError(`the task_id of a stored result ${problem}`)
  const failed = EXCEPTION_STATES.has(status)
  const groupId = optionalText(dict, 'group_id')
  const parentId = optionalText(dict, 'parent_id')
  const extended = extendedFromDict(dict)
  const nesting = dict['nesting']
  const intent = intentOf(dict['intent'])
  return {
    taskId: dict['task_id'] as TaskId,
    status,
    result: failed ? undefined : (dict['result'] ?? null),
    error: failed ? exceptionFromWire(dict['result']) : undefined,
    traceback: optionalText(dict, 'traceback'),
    children: childrenOf(dict['children']),
    dateDone: optionalText(dict, 'date_done'),
    ...(groupId === undefined ? undefined : { groupId: groupId as GroupId }),
    ...(parentId === undefined ? undefined : { parentId: parentId as TaskId }),
    ...(extended === undefined ? undefined : { extended }),
    ...(typeof nesting === 'number' ? { nesting } : undefined),
    ...(intent === undefined ? undefined : { intent }),
  }
}

export function exceptionToDict(error: ExceptionInfo): Dict {
  return { exc_type: error.type, exc_message: error.args, exc_module: error.module }
}

/** Undefined for what Python takes for "no exception". Throws `ResultDecodeError` for anything that is no exception record. */
export function exceptionFromWire(value: unknown): ExceptionInfo | undefined {
  if (value === undefined || value === null || value === false || value === '' || value === 0) return undefined
  const dict = Array.isArray(value) ? fromPairs(value) : value
  if (!isDict(dict)) throw new ResultDecodeError('a stored exception is not an object')
  const { exc_type: type, exc_module: module = null, exc_message: message = '' } = dict
  if (typeof type !== 'string' || type === '') throw new ResultDecodeError('a stored exception has no exc_type')
  if (module !== null && typeof module !== 'string')
    throw new ResultDecodeError('the exc_module of a stored exception is not text')
  return { type, args: Array.isArray(message) ? message : [message], module }
}

function storedResult(meta: ResultMeta): unknown {
  if (meta.error !== undefined) return exceptionToDict(meta.error)
  // Anything but an exception here would break every Python reader's poll.
  return EXCEPTION_STATES.has(meta.status) ? null : (meta.result ?? null)
}

function extendedToDict(extended: ExtendedMeta): Dict {
  const { stampedHeaders, stamps } = extended
  return {
    name: extended.name ?? null,
    args: extended.args ?? null,
    kwargs: extended.kwargs ?? null,
    worker: extended.worker ?? null,
    retries: extended.retries ?? null,
    queue: extended.queue ?? null,
    ...(stampedHeaders === undefined ? undefined : { stamped_headers: stampedHeaders, ...stamps }),
  }
}

function extendedFromDict(dict: Dict): ExtendedMeta | undefined {
  if (!EXTENDED.some(member => Object.hasOwn(dict, member))) return undefined
  const args = dict['args']
  const kwargs = dict['kwargs']
  const retries = dict['retries']
  return {
    name: optionalText(dict, 'name') as TaskName | undefined,
    args: Array.isArray(args) ? args : undefined,
    kwargs: isDict(kwargs) ? kwargs : undefined,
    worker: optionalText(dict, 'worker'),
    retries: typeof retries === 'number' ? retries : undefined,
    queue: optionalText(dict, 'queue'),
    ...stampsOf(dict),
  }
}

/** Each stamp is a member of the record, named in `stamped_headers`. */
function stampsOf(dict: Dict): Pick<ExtendedMeta, 'stampedHeaders' | 'stamps'> {
  const names = dict['stamped_headers']
  if (!Array.isArray(names)) return {}
  const stampedHeaders = names.filter(name => typeof name === 'string')
  return { stampedHeaders, stamps: Object.fromEntries(stampedHeaders.map(name => [name, dict[name]])) }
}

function intentOf(value: unknown): RetryIntent | undefined {
  if (!isDict(value)) return undefined
  const { retries, eta, args, kwargs } = value
  if (typeof retries !== 'number' || typeof eta !== 'number') return undefined
  return {
    retries,
    eta,
    ...(Array.isArray(args) ? { args } : undefined),
    ...(isDict(kwargs) ? { kwargs } : undefined),
  }
}

function childrenOf(value: unknown): readonly ResultTuple[] | undefined {
  if (value === undefined || value === null) return undefined
  if (!Array.isArray(value)) throw new ResultDecodeError('the children of a stored result are not a list')
  return value.map(resultTupleFromWire)
}

/** Source: celery/backends/base.py `exception_to_python`: serializers without maps store pairs. */
function fromPairs(pairs: readonly unknown[]): unknown {
  const isPair = (pair: unknown): pair is readonly [PropertyKey, unknown] =>
    Array.isArray(pair) && pair.length === 2 && typeof pair[0] === 'string'
  return pairs.every(isPair) ? Object.fromEntries(pairs) : undefined
}

function optionalText(dict: Dict, member: string): string | undefined {
  const value = dict[member]
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'string') throw new ResultDecodeError(`the ${member} of a stored result is not text`)
  return value
}
