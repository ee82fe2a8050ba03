import type { ReceivedEvent } from '../../events/received-event.js'
import { escapeText } from '../../lib/escape-text.js'
import { LruMap } from '../../lib/lru-map.js'
import { pythonNumber } from '../../protocol/python-number.js'
import { pythonRepr } from '../../protocol/python-repr.js'
import { type EventMembers, receivedMembers } from '../../protocol/received-members.js'

/** Source: celery/events/dumper.py `HUMAN_TYPES`. */
const NAMES: Readonly<Record<string, string>> = {
  'worker-offline': 'shutdown',
  'worker-online': 'started',
  'worker-heartbeat': 'heartbeat',
}

const MOST_NAMES = 4095
/** Numbers that Python prints with a point, whatever they are. */
const FLOATS: ReadonlySet<string> = new Set(['freq', 'local_received', 'runtime'])
const LONGEST_LINE = 16_384

/** Events as lines of text, word for word as `celery events --dump` prints them. Source: celery/events/dumper.py `Dumper`. */
export class EventDump {
  /** What each task is shown as, once that was told. */
  readonly #tasks = new LruMap<string, string>(MOST_NAMES)

  line(event: ReceivedEvent): string {
    const { type, hostname, timestamp, ...rest } = receivedMembers(event, event.receivedAt)
    const head = `${hostname} [${dateTime(Number(timestamp) * 1000)}] ${humanType(String(type))}`
    const isTask = String(type).startsWith('task-')
    const task = isTask ? `${this.#task(String(type), rest)} ` : ''
    const { uuid: _, ...fields } = rest
    const shown = Object.entries(isTask ? fields : rest)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, value]) => `${name}=${text(name, value)}`)
      .join(', ')
    const line = shown === '' && task === '' ? `${head} ` : `${head}${shown === '' ? '' : ':'} ${task}${shown}`
    return escapeText(line, LONGEST_LINE)
  }

  /** Its name and arguments leave the fields: they stand before them. */
  #task(type: string, members: EventMembers): string {
    const uuid = String(members['uuid'])
    if (type !== 'task-received' && type !== 'task-sent') return this.#tasks.get(uuid) ?? ''
    const { name, args, kwargs } = members
    for (const member of ['name', 'args', 'kwargs']) delete members[member]
    const shown = `${name}(${uuid}) args=${text('args', args)} kwargs=${text('kwargs', kwargs)}`
    this.#tasks.set(uuid, shown)
    return shown
  }
}

function humanType(type: string): string {
  return NAMES[type] ?? type.toLowerCase().replaceAll('-', ' ')
}

/** Python's `str`. */
function text(name: string, value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number' && FLOATS.has(name)) return pythonNumber(value, true)
  return pythonRepr(value)
}

/** `datetime`'s text: no fraction where there is none. */
function dateTime(epoch: number): string {
  const iso = new Date(Math.min(Math.max(epoch, 0), 8.64e15)).toISOString()
  const whole = iso.slice(0, 19).replace('T', ' ')
  const fraction = iso.slice(20, 23)
  return fraction === '000' ? whole : `${whole}.${fraction}000`
}
