import { camelCase } from '../../app/camel-case.js'
import { CommandError } from '../../control/command-error.js'
import type { Dict } from '../../protocol/dict.js'
import { pythonRepr } from '../../protocol/python-repr.js'
import { flag } from './check.js'
import type { WorkerView } from './worker-view.js'

const ASKED_BY_DEFAULT: readonly string[] = ['exchange', 'routing_key', 'rate_limit']

/** Attributes that may be asked for at once. */
const MAX_ATTRIBUTES = 50

/**
 * The names of all tasks, each with those of the asked attributes that it has: `m.t [rate_limit=10/m]`. An attribute is an
 * option of the task, or `name`.
 */
export function registered(worker: Pick<WorkerView, 'registry' | 'limits'>, args: Dict): unknown {
  const attributes = asked(args['taskinfoitems'])
  const builtins = flag(args['builtins'])
  return [...worker.registry.tasks.keys()]
    .filter(task => builtins || !task.startsWith('celery.'))
    .toSorted()
    .map(task => shown(task, attributes, worker))
}

function asked(given: unknown): readonly string[] {
  if (given === undefined || given === null) return ASKED_BY_DEFAULT
  const list: readonly unknown[] = Array.isArray(given) ? given : [given]
  if (list.length > MAX_ATTRIBUTES || !list.every(item => typeof item === 'string')) {
    throw new CommandError('TypeError', `taskinfoitems must be a list of at most ${MAX_ATTRIBUTES} names`)
  }
  return list.length === 0 ? ASKED_BY_DEFAULT : list
}

function shown(task: string, attributes: readonly string[], worker: Pick<WorkerView, 'registry' | 'limits'>): string {
  const fields = attributes.flatMap(attribute => {
    const value = attributeOf(task, attribute, worker)
    return value === undefined || value === null ? [] : [`${attribute}=${text(value)}`]
  })
  return fields.length === 0 ? task : `${task} [${fields.join(' ')}]`
}

function attributeOf(
  task: string,
  attribute: string,
  { registry, limits }: Pick<WorkerView, 'registry' | 'limits'>,
): unknown {
  const option = camelCase(attribute)
  if (option === 'name') return task
  if (option === 'rateLimit') return limits.rateLimit(task)
  // What a worker goes by, where that is more than what was given.
  if (option === 'maxRetries') return registry.policy(task).maxRetries
  const options = registry.taskOptions(task)
  // Own members only: nobody asks for a prototype's.
  return options !== undefined && Object.hasOwn(options, option) ? options[option as keyof typeof options] : undefined
}

/** Python's `str`. */
function text(value: unknown): string {
  return typeof value === 'string' ? value : pythonRepr(value, 200)
}
