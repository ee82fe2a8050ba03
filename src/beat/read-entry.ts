import { camelCase } from '../app/camel-case.js'
import { toEpochMs } from '../app/to-epoch-ms.js'
import { parseDuration } from '../lib/duration.js'
import { suggest } from '../lib/suggest.js'
import type { EpochMs, Ms } from '../lib/time.js'
import type { Signature } from '../protocol/signature.js'
import { isSignature } from '../protocol/signature-place.js'
import { ScheduleError } from '../schedules/errors.js'
import { makeSchedule, type ScheduleSurroundings } from '../schedules/make-schedule.js'
import { readSchedule, type ScheduleInput } from '../schedules/read-schedule.js'
import type { Schedule } from '../schedules/schedule.js'
import type { Entry, Misfire, Overlap } from './entry.js'
import { EntryError } from './errors.js'

/** An entry as people write it: Celery's form, in its names or camelCase, and more. Spans are seconds, or text such as `5m`. */
export interface EntryInput {
  /** A task's name, or what is sent as a signature: a task with arguments and options, a chain, a group, a chord. */
  readonly task: string | Signature
  readonly schedule: ScheduleInput
  readonly args?: readonly unknown[]
  readonly kwargs?: Readonly<Record<string, unknown>>
  /** How it is sent: `queue`, `priority`, `expires` … */
  readonly options?: Readonly<Record<string, unknown>>
  /** Of an interval: rounds down to the day, hour or minute. */
  readonly relative?: boolean
  readonly enabled?: boolean
  /** Date, epoch ms, or ISO 8601. */
  readonly start?: Date | number | string
  readonly end?: Date | number | string
  readonly maxRuns?: number
  readonly jitter?: number | string
  /** Default `allow`. */
  readonly overlap?: Overlap
  /** Default `one`. */
  readonly misfire?: Misfire
  readonly deadline?: number | string
  readonly failureThreshold?: number
}

export interface ReadEntryOptions extends ScheduleSurroundings {
  /** Of entries that name none: `beatCronStartingDeadline`. */
  readonly deadline?: Ms | undefined
}

const MEMBERS: readonly (keyof EntryInput | 'createdAt')[] = [
  ...(['task', 'schedule', 'args', 'kwargs', 'options', 'relative', 'enabled', 'start', 'end', 'maxRuns'] as const),
  ...(['jitter', 'overlap', 'misfire', 'deadline', 'failureThreshold', 'createdAt'] as const),
]
const OVERLAPS: readonly Overlap[] = ['allow', 'skip', 'queue', 'cancel']
const MISFIRES: readonly Misfire[] = ['none', 'one', 'all']
/** Each run has its own; and what lives in this process cannot be kept for later. */
const NO_OPTIONS: readonly string[] = [
  'taskId',
  'signal',
  'transaction',
  'dispatchOnCommit',
  'kwargs',
  'publishTimeout',
]

/** An entry, and the schedule that it describes. */
export interface KeptEntry {
  readonly entry: Entry
  readonly schedule: Schedule
}

/** Checks an entry and fills in what it leaves open. Throws `EntryError` with the entry's name, what is wrong, and where. */
export function readEntry(name: string, input: unknown, surroundings: ReadEntryOptions): KeptEntry {
  const reader = new EntryReader(name, input)
  const entry = reader.read(surroundings.deadline)
  return { entry, schedule: reader.attempt('schedule', () => makeSchedule(entry.schedule, surroundings)) }
}

class EntryReader {
  readonly #name: string
  readonly #given: Readonly<Record<string, unknown>>

  constructor(name: string, input: unknown) {
    this.#name = name
    if (name === '' || name.length > 200) throw this.#wrong('name', 'takes 1 to 200 characters')
    if (!isObject(input)) throw this.#wrong('entry', `is ${shown(input)}, not an object with task and schedule`)
    this.#given = spread(Object.fromEntries(Object.entries(input).map(([key, value]) => [camelCase(key), value])))
    for (const [key, value] of Object.entries(this.#given)) {
      if (value === undefined || (MEMBERS as readonly string[]).includes(key)) continue
      throw this.#wrong(key, `is no member of an entry${meant(key, MEMBERS)}`)
    }
  }

  read(deadline: Ms | undefined): Entry {
    const task = this.#given['task']
    if (typeof task !== 'string' || task === '') throw this.#wrong('task', `is ${shown(task)}, not a task's name`)
    return {
      name: this.#name,
      task,
      args: this.#list('args'),
      kwargs: this.#object('kwargs'),
      options: this.#options(),
      schedule: this.#schedule(),
      enabled: this.#flag('enabled') ?? true,
      start: this.#instant('start'),
      end: this.#instant('end'),
      maxRuns: this.#count('maxRuns'),
      jitter: this.#span('jitter') ?? 0,
      overlap: this.#oneOf('overlap', OVERLAPS) ?? 'allow',
      misfire: this.#oneOf('misfire', MISFIRES) ?? 'one',
      deadline: this.#span('deadline') ?? deadline,
      failureThreshold: this.#count('failureThreshold'),
      createdAt: this.#instant('createdAt'),
    }
  }

  attempt<T>(path: string, act: () => T): T {
    try {
      return act()
    } catch (error) {
      if (error instanceof ScheduleError)
        throw this.#wrong(error.path, error.message.slice(error.path.length + 2), error)
      throw this.#wrong(path, error instanceof Error ? error.message : String(error), error)
    }
  }

  #schedule(): Entry['schedule'] {
    const spec = this.attempt('schedule', () => readSchedule(this.#given['schedule']))
    if (this.#flag('relative') !== true) return spec
    if (spec.kind !== 'interval') throw this.#wrong('relative', `is for intervals, not for ${spec.kind}`)
    return { ...spec, relative: true }
  }

  #options(): Entry['options'] {
    const options = Object.fromEntries(
      Object.entries(this.#object('options')).map(([key, value]) => [camelCase(key), value] as const),
    )
    const refused = NO_OPTIONS.find(key => options[key] !== undefined)
    if (refused !== undefined) throw this.#wrong(`options.${refused}`, 'cannot stand in a schedule')
    return options
  }

  #list(key: string): readonly unknown[] {
    const value = this.#given[key]
    if (value === undefined || value === null) return []
    if (!Array.isArray(value)) throw this.#wrong(key, `is ${shown(value)}, not a list`)
    return value
  }

  #object(key: string): Readonly<Record<string, unknown>> {
    const value = this.#given[key]
    if (value === undefined || value === null) return {}
    if (!isObject(value)) throw this.#wrong(key, `is ${shown(value)}, not an object`)
    return value
  }

  #flag(key: string): boolean | undefined {
    const value = this.#given[key]
    if (value === undefined || value === null) return undefined
    if (typeof value !== 'boolean') throw this.#wrong(key, `is ${shown(value)}, not true or false`)
    return value
  }

  #count(key: string): number | undefined {
    const value = this.#given[key]
    if (value === undefined || value === null) return undefined
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 1) {
      throw this.#wrong(key, `is ${shown(value)}, not a whole number from 1 on`)
    }
    return value
  }

  #span(key: string): Ms | undefined {
    const value = this.#given[key]
    if (value === undefined || value === null) return undefined
    const span = parseDuration(value)
    if (span === undefined) throw this.#wrong(key, `is ${shown(value)}, neither seconds nor text such as 30s or 1h30m`)
    return span
  }

  #instant(key: string): EpochMs | undefined {
    const value = this.#given[key]
    if (value === undefined || value === null) return undefined
    const at = toEpochMs(value)
    if (at === undefined) throw this.#wrong(key, `is ${shown(value)}, no date and time; write 2026-01-01T09:00:00Z`)
    return at
  }

  #oneOf<T extends string>(key: string, words: readonly T[]): T | undefined {
    const value = this.#given[key]
    if (value === undefined || value === null) return undefined
    const word = words.find(each => each === value)
    if (word === undefined) throw this.#wrong(key, `is ${shown(value)}, not one of ${words.join(', ')}`)
    return word
  }

  #wrong(path: string, problem: string, cause?: unknown): EntryError {
    return new EntryError(this.#name, path, problem, { cause })
  }
}

/** What is given beside a signature goes before what that says itself. */
function spread(given: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { task, args, kwargs, options } = given
  if (!isSignature(task)) return given
  return {
    ...given,
    task: task.task,
    args: args ?? task.args,
    kwargs: isObject(kwargs) ? { ...task.kwargs, ...kwargs } : (kwargs ?? task.kwargs),
    options: isObject(options) ? { ...task.options, ...options } : (options ?? task.options),
  }
}

/** `; did you mean args?`, or nothing. */
export function meant(word: string, known: Iterable<string>): string {
  const near = suggest(word, known)
  return near === undefined ? '' : `; did you mean ${near}?`
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function shown(value: unknown): string {
  return (typeof value === 'object' ? JSON.stringify(value) : String(value))?.slice(0, 80) ?? String(value)
}
