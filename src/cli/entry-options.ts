import type { EntryInput } from '../beat.js'
import { UsageError } from './errors.js'
import type { Io } from './io.js'
import { readJsonArgument } from './json-argument.js'
import { choice, flag, integer, type OptionSpec, type OptionTable, text } from './option.js'

/** Options of `lovage schedule add` and `edit`. */
export interface EntryOptions {
  readonly schedule: string | undefined
  readonly task: string | undefined
  readonly args: string | undefined
  readonly kwargs: string | undefined
  readonly queue: string | undefined
  readonly options: string | undefined
  readonly zone: string | undefined
  readonly relative: boolean
  readonly disabled: boolean
  readonly enabled: boolean
  readonly start: string | undefined
  readonly end: string | undefined
  readonly maxRuns: number | undefined
  readonly jitter: string | undefined
  readonly overlap: 'allow' | 'skip' | 'queue' | 'cancel' | undefined
  readonly misfire: 'none' | 'one' | 'all' | undefined
  readonly deadline: string | undefined
  readonly failureThreshold: number | undefined
}

const BOUNDS = 'Bounds'
const TROUBLE = 'When runs are late, long or fail'

export const ENTRY_OPTIONS: OptionTable & { readonly [K in keyof EntryOptions]: OptionSpec<EntryOptions[K]> } = {
  schedule: text(
    '-e, --every <schedule>',
    "When: 30s, 1h30m; five fields of a crontab such as '30 4 * * mon-fri'; six or seven of a cron string; R/2026-01-01T00:00:00Z/P1D; a date and time; or a schedule as JSON.",
  ),
  task: text('-t, --task <name>', 'Name of the task.'),
  args: text('-a, --args <json>', 'Positional arguments: a JSON array.'),
  kwargs: text('-k, --kwargs <json>', 'Keyword arguments: a JSON object.'),
  queue: text('--queue <name>', 'Send to this queue.'),
  options: text(
    '--options <json>',
    'How it is sent, as in a call: a JSON object, such as {"priority": 5, "expires": 60}.',
  ),
  zone: text('--zone <name>', 'Time zone of the schedule, such as Europe/Berlin. Default: the setting timezone.'),
  relative: flag('--relative', 'Of an interval: on the clock, rounded down to the day, hour or minute.'),
  disabled: flag('--disabled', 'Send nothing, until it is enabled.'),
  enabled: flag('--enabled', 'Send again.'),
  start: text('--start <time>', 'Nothing is due before this time (ISO 8601).', { section: BOUNDS }),
  end: text('--end <time>', 'Nothing is due after this time (ISO 8601).', { section: BOUNDS }),
  maxRuns: integer('--max-runs <n>', 'No more after so many runs.', { min: 1, section: BOUNDS }),
  jitter: text('--jitter <span>', 'Send each run up to so much later, by chance.', { section: BOUNDS }),
  overlap: choice(
    '--overlap <policy>',
    ['allow', 'skip', 'queue', 'cancel'],
    'While the run before has not ended: send all the same (default), skip, wait, or end that run.',
    { section: TROUBLE },
  ),
  misfire: choice(
    '--misfire <policy>',
    ['none', 'one', 'all'],
    'Of the due times that were missed while no beat ran, make up none, one (default), or all.',
    { section: TROUBLE },
  ),
  deadline: text('--deadline <span>', 'A due time older than this is not made up.', { section: TROUBLE }),
  failureThreshold: integer('--failure-threshold <n>', 'Disable it after so many failed runs in a row.', {
    min: 1,
    section: TROUBLE,
  }),
}

/** What was given, and nothing else. Throws `UsageError` for what is no JSON. */
export async function readEntryOptions(given: EntryOptions, io: Io): Promise<Partial<EntryInput>> {
  const options = given.options === undefined ? undefined : await object('--options', given.options, io)
  const queue = given.queue === undefined ? {} : { queue: given.queue }
  const enabled = given.disabled ? false : given.enabled ? true : undefined
  const all = {
    task: given.task,
    schedule: await schedule(given, io),
    args: given.args === undefined ? undefined : await list(given.args, io),
    kwargs: given.kwargs === undefined ? undefined : await object('--kwargs', given.kwargs, io),
    options: options === undefined && given.queue === undefined ? undefined : { ...options, ...queue },
    relative: given.relative ? true : undefined,
    enabled,
    start: given.start,
    end: given.end,
    maxRuns: given.maxRuns,
    jitter: given.jitter,
    overlap: given.overlap,
    misfire: given.misfire,
    deadline: given.deadline,
    failureThreshold: given.failureThreshold,
  }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
}

/** A zone makes a schedule of text one with a zone. */
async function schedule({ schedule, zone }: EntryOptions, io: Io): Promise<EntryInput['schedule'] | undefined> {
  if (schedule === undefined) {
    if (zone !== undefined) throw new UsageError('option --zone goes with --every.')
    return undefined
  }
  const spec = /^\s*\{/.test(schedule) ? await readJsonArgument('--every', schedule, io) : schedule
  if (zone === undefined) return spec as EntryInput['schedule']
  // Read and checked with the entry; here only the zone is put into it.
  const { readSchedule } = await import('../schedules/read-schedule.js')
  return { ...readSchedule(spec, '--every'), zone } as EntryInput['schedule']
}

async function object(option: string, given: string, io: Io): Promise<Readonly<Record<string, unknown>>> {
  const value = await readJsonArgument(option, given, io)
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Readonly<Record<string, unknown>>
  throw new UsageError(`option ${option} must be a JSON object.`)
}

async function list(given: string, io: Io): Promise<readonly unknown[]> {
  const value = await readJsonArgument('--args', given, io)
  if (Array.isArray(value)) return value
  throw new UsageError("option --args must be a JSON array, such as '[2, 3]'.")
}
