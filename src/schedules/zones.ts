import { suggest } from '../lib/suggest.js'
import { ScheduleError } from './errors.js'
import { openZone } from './open-zone.js'
import { Zone } from './zone.js'

const UTC_NAMES: readonly string[] = ['utc', 'etc/utc', 'z']

/** Time zones by name, from the tables that come with Node. Each is opened once. */
export class Zones {
  readonly utc: Zone = new Zone('UTC', 0)
  readonly #open = new Map<string, Zone>()

  /** Throws `LVG_UNKNOWN_ZONE`; `path` is the member that named it. */
  get(name: string, path = 'zone'): Zone {
    const known = this.#open.get(name)
    if (known !== undefined) return known
    const zone = UTC_NAMES.includes(name.toLowerCase()) ? this.utc : zoneAt(name, path)
    this.#open.set(name, zone)
    return zone
  }
}

function zoneAt(name: string, path: string): Zone {
  try {
    return openZone(name)
  } catch (cause) {
    throw new ScheduleError(path, unknownZone(name), { code: 'LVG_UNKNOWN_ZONE', cause })
  }
}

function unknownZone(name: string): string {
  const near = suggest(name, Intl.supportedValuesOf('timeZone'))
  const hint = near === undefined ? 'use a name such as Europe/Berlin, or UTC' : `did you mean ${near}?`
  return `there is no time zone ${JSON.stringify(name.slice(0, 64))}; ${hint}`
}
