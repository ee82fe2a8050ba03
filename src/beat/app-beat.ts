import type { App } from '../app/app.js'
import type { CallOptions } from '../app/call-options.js'
import { observeAll } from '../app/extension.js'
import type { EpochMs } from '../lib/time.js'
import { uuid4 } from '../lib/uuid.js'
import { type TaskId, taskId } from '../protocol/ids.js'
import { parseJson } from '../protocol/json.js'
import type { ResultTuple, State } from '../protocol/result-meta.js'
import { Zones } from '../schedules/zones.js'
import type { BeatParts, RunEnd } from './beat-parts.js'
import type { BeatStore } from './beat-store.js'
import { canvasEnd, canvasOf, canvasRun, idOfCanvasRun, tasksOf } from './canvas-run.js'
import type { DjangoDatabase } from './django/django-database.js'
import type { Entry } from './entry.js'
import { EntryError } from './errors.js'
import { type KeptEntry, type ReadEntryOptions, readEntry } from './read-entry.js'

/** What a beat of this app acts through. */
export function beatParts(app: App, store: BeatStore, django?: DjangoDatabase): BeatParts {
  const { runtime, settings } = app
  const { timezone, beatCronStartingDeadline: deadline } = settings
  const surroundings: ReadEntryOptions = {
    zones: new Zones(),
    deadline,
    ...(timezone === undefined ? {} : { zone: timezone }),
  }
  return {
    runtime,
    store,
    holder: `${runtime.host.pid}@${runtime.host.name}/${uuid4(runtime.random).slice(0, 8)}`,
    entries: app.schedule,
    django,
    readJson: text => parseJson(text, { limits: app.limits, exact: true }),
    observe: event => observeAll(app.extensions, runtime.log, event),
    read: (name, input) => checked(app, readEntry(name, input, surroundings)),
    send: (entry, id) => sendRun(app, entry, id),
    ends: (entry, runs, sentAt) => endsOf(app, entry, runs, sentAt),
    cancel: async (entry, run) => {
      const ids = idsOf(app, entry, run)
      if (ids.length > 0) await app.control.revoke(ids, { terminate: true })
    },
  }
}

async function sendRun(app: App, entry: Entry, id: string): Promise<string> {
  const canvas = canvasOf(entry)
  if (canvas !== undefined) {
    await app.applyOnce(id, canvas, optionsOf(entry))
    return canvasRun(entry, id)
  }
  await app.sendOnce(id, entry.task, entry.args, { ...optionsOf(entry), kwargs: entry.kwargs, taskId: id })
  return id
}

function optionsOf({ options }: Entry): CallOptions {
  // Checked with the entry.
  return options as CallOptions
}

/** What could never be sent is refused here, by name, and not when it is due. */
function checked(app: App, kept: KeptEntry): KeptEntry {
  const { entry } = kept
  try {
    const canvas = canvasOf(entry)
    if (canvas === undefined) app.check(entry.task, entry.args, { ...optionsOf(entry), kwargs: entry.kwargs })
    else app.checkCanvas('check', canvas, optionsOf(entry))
  } catch (error) {
    throw new EntryError(entry.name, 'call', error instanceof Error ? error.message : String(error), { cause: error })
  }
  return kept
}

async function endsOf(
  app: App,
  entry: Entry,
  runs: readonly string[],
  sentAt: EpochMs | undefined,
): Promise<readonly RunEnd[] | undefined> {
  const backend = await app.backend()
  if (backend === undefined || ignoresResults(app, entry)) return undefined
  const now = app.runtime.clock.now()
  const { resultExpires } = app.settings
  const isForgotten = resultExpires !== undefined && sentAt !== undefined && now - sentAt > resultExpires
  const stateOf = async (id: TaskId): Promise<State | undefined> => (await backend.fetch(id))?.status
  return await Promise.all(
    runs.map(async run => {
      const end = await endOf(app, entry, run, stateOf)
      // Nobody can tell any more how it ended; that it is still under way is the least likely.
      return end === 'open' && isForgotten ? 'good' : end
    }),
  )
}

async function endOf(
  app: App,
  entry: Entry,
  run: string,
  stateOf: (id: TaskId) => Promise<State | undefined>,
): Promise<RunEnd> {
  const result = resultOf(app, entry, run)
  if (result === undefined) return 'good'
  const states = new Map<TaskId, State>()
  for (const id of tasksOf(result)) {
    const state = await stateOf(id)
    if (state !== undefined) states.set(id, state)
  }
  return canvasEnd(result, states)
}

function idsOf(app: App, entry: Entry, run: string): readonly TaskId[] {
  const result = resultOf(app, entry, run)
  return result === undefined ? [] : tasksOf(result)
}

/** Undefined: the run was of another canvas than the entry has now. */
function resultOf(app: App, entry: Entry, run: string): ResultTuple | undefined {
  const canvas = canvasOf(entry)
  if (canvas === undefined) return { id: taskId(run), parent: undefined, members: undefined }
  const id = idOfCanvasRun(entry, run)
  return id === undefined ? undefined : app.checkCanvas(id, canvas, optionsOf(entry))
}

function ignoresResults(app: App, { task, options }: Entry): boolean {
  const given = options['ignoreResult']
  if (typeof given === 'boolean') return given
  const own = app.taskOptions(task)
  return own !== undefined && (own.ignoreResult ?? app.settings.taskIgnoreResult)
}
