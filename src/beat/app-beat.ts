import type { App } from '../app/app.js'
import type { CallOptions } from '../app/call-options.js'
import { uuid4 } from '../lib/uuid.js'
import { taskId } from '../protocol/ids.js'
import type { State } from '../protocol/result-meta.js'
import { makeSchedule } from '../schedules/make-schedule.js'
import { Zones } from '../schedules/zones.js'
import type { BeatParts, RunEnd } from './beat-parts.js'
import type { BeatStore } from './beat-store.js'
import type { Entry } from './entry.js'
import { EntryError } from './errors.js'
import { type ReadEntryOptions, readEntry } from './read-entry.js'

/** What a beat of this app acts through. */
export function beatParts(app: App, store: BeatStore): BeatParts {
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
    read: (name, input) => checked(app, readEntry(name, input, surroundings)),
    schedule: entry => makeSchedule(entry.schedule, surroundings),
    send: (entry, id) => app.sendOnce(id, entry.task, entry.args, callOptions(entry, id)),
    ends: ids => endsOf(app, ids),
    cancel: async id => void (await app.control.revoke(id, { terminate: true })),
  }
}

function callOptions({ options, kwargs }: Entry, id: string): CallOptions {
  return { ...(options as CallOptions), kwargs, taskId: id }
}

/** What could never be sent is refused here, by name, and not when it is due. */
function checked(app: App, entry: Entry): Entry {
  try {
    app.check(entry.task, entry.args, callOptions(entry, 'check'))
  } catch (error) {
    throw new EntryError(entry.name, 'call', error instanceof Error ? error.message : String(error), { cause: error })
  }
  return entry
}

async function endsOf(app: App, ids: readonly string[]): Promise<readonly RunEnd[] | undefined> {
  const backend = await app.backend()
  if (backend === undefined) return undefined
  const metas = await Promise.all(ids.map(id => backend.fetch(taskId(id))))
  return metas.map(meta => endOf(meta?.status))
}

function endOf(state: State | undefined): RunEnd {
  if (state === 'SUCCESS') return 'good'
  // A run that was ended on purpose is no failure.
  if (state === 'REVOKED') return 'good'
  return state === 'FAILURE' ? 'failed' : 'open'
}
