import { ConfigError } from '../lib/errors.js'
import { LOVAGE_NAMESPACE, uuid5 } from '../lib/uuid.js'
import type { Kwargs, Signature } from '../protocol/signature.js'
import { defaultSchedule } from './default-schedule.js'
import type { Settings } from './settings.js'

/** An entry besides its schedule and its task; members as in `beatSchedule`. */
export interface PeriodicOptions {
  /** Default: made from all of it. */
  readonly name?: string
  readonly args?: readonly unknown[]
  readonly kwargs?: Kwargs
  /** How it is sent: `queue`, `priority`, `expires` … */
  readonly options?: Readonly<Record<string, unknown>>
  readonly [member: string]: unknown
}

/** Entries of the schedule that code adds one by one, as they stand there, unchecked. */
export class PeriodicTasks {
  readonly #app: string
  readonly #entries = new Map<string, unknown>()

  /** `app`: its name, for errors. */
  constructor(app: string) {
    this.#app = app
  }

  /** Throws `LVG_DUPLICATE_ENTRY`. */
  add(schedule: unknown, call: Signature | string, options: PeriodicOptions): void {
    const { name, args, kwargs, options: how, ...rest } = options
    const signature = typeof call === 'string' ? { task: call, args: [], kwargs: {}, options: {} } : call
    const entry = {
      task: signature.task,
      schedule,
      args: args ?? signature.args,
      kwargs: { ...signature.kwargs, ...kwargs },
      options: { ...signature.options, ...how },
      ...rest,
    }
    const named = name ?? nameOf(signature.task, entry)
    if (this.#entries.has(named)) {
      throw new ConfigError(
        'LVG_DUPLICATE_ENTRY',
        `App ${this.#app} has a schedule entry ${JSON.stringify(named)} already. Give one of the two another name.`,
      )
    }
    this.#entries.set(named, entry)
  }

  /** By name, over those of the settings, which are over Celery's own. */
  over(settings: Pick<Settings, 'beatSchedule' | 'resultBackend' | 'resultExpires'>): ReadonlyMap<string, unknown> {
    return new Map([...Object.entries({ ...defaultSchedule(settings), ...settings.beatSchedule }), ...this.#entries])
  }
}

/** Of entries that are given none: the task, and all that makes it another entry. Stable over restarts, so that its past is found. */
function nameOf(task: string, entry: unknown): string {
  return `${task}(${uuid5(LOVAGE_NAMESPACE, JSON.stringify(entry)).slice(0, 8)})`
}
