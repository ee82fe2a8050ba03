import type { ClusterState } from '../../events/cluster-state.js'
import type { TaskState } from '../../events/task-state.js'
import { isAlive } from '../../events/worker-state.js'
import { escapeText } from '../../lib/escape-text.js'
import type { SteadyMs } from '../../lib/time.js'
import type { MonitorView, Reply } from './monitor-view.js'
import { fitted, type Piece, type ScreenLine, type Style } from './screen-line.js'

export interface Screen {
  readonly columns: number
  readonly rows: number
  readonly greeting: string
  readonly state: ClusterState
  readonly view: MonitorView
  readonly now: SteadyMs
  /** Shown where the broker cannot be reached. */
  readonly trouble: string | undefined
}

/** Columns. Source: celery/events/cursesmon.py. */
const UUID = 36
const STATE = 8
const TIME = 8
const LEAST_WORKER = 15
const LEAST_TASK = 16
const LEFT = 3
/** Lines that are not tasks: head and foot. */
const FURNITURE = 10
const LEAST_ROWS = 12
const LEAST_COLUMNS = 40

const KEYS = 'j:down k:up i:info t:traceback r:result c:revoke l:rate limit ^c: quit'

const STYLES: Readonly<Record<string, Style>> = {
  SUCCESS: 'good',
  REVOKED: 'revoked',
  STARTED: 'busy',
  FAILURE: 'bad',
  RETRY: 'bad',
}

/** How many tasks fit. */
export function taskRows(rows: number): number {
  return Math.max(1, rows - FURNITURE)
}

/** The tasks on the screen: those heard of last. */
export function shownTasks(state: ClusterState, rows: number): readonly TaskState[] {
  return state.tasks.slice(0, taskRows(rows))
}

/** The screen of `celery events`, line by line: tasks, the selected one, workers, counts, keys. */
export function drawMonitor(screen: Screen): readonly ScreenLine[] {
  const { columns, rows, view } = screen
  if (columns < LEAST_COLUMNS || rows < LEAST_ROWS) return [['This terminal is too small.']]
  const lines = view.over === undefined || view.over.kind === 'prompt' ? list(screen) : over(screen)
  return lines.slice(0, rows).map(line => fitted(line, columns))
}

function list(screen: Screen): readonly ScreenLine[] {
  const { columns, rows, greeting, state, view } = screen
  const width = columns - 4
  const tasks = shownTasks(state, rows)
  const head: readonly ScreenLine[] = [
    [],
    [margin, [greeting, 'greeting']],
    [],
    [margin, [row('UUID', 'TASK', 'WORKER', 'TIME', 'STATE', width), 'title']],
  ]
  const body = tasks.map(task => taskLine(task, task.uuid === view.selected, width))
  const blank = Array.from({ length: Math.max(0, taskRows(rows) - body.length) }, (): ScreenLine => [])
  return [...head, ...body, ...blank, ...foot(screen, tasks)]
}

const margin = ' '.repeat(LEFT)

function taskLine(task: TaskState, selected: boolean, width: number): ScreenLine {
  const time = new Date(task.timestamp).toISOString().slice(11, 19)
  const line = row(task.uuid, task.name ?? '', task.worker ?? '*NONE*', time, task.state, width)
  if (selected) return [margin, [line, 'selected']]
  const style = STYLES[task.state]
  const at = line.length - STATE - 1
  const state: Piece = style === undefined ? line.slice(at) : [line.slice(at), style]
  return [margin, line.slice(0, at), state]
}

function foot(screen: Screen, tasks: readonly TaskState[]): readonly ScreenLine[] {
  const { columns, state, view, now, trouble } = screen
  const selected =
    tasks.find(({ uuid }) => uuid === view.selected) ?? state.tasks.find(({ uuid }) => uuid === view.selected)
  const names = new Set(state.workers.map(({ hostname }) => hostname))
  const alive = new Set(state.workers.filter(worker => isAlive(worker, now)).map(({ hostname }) => hostname))
  const counts = `events: ${state.eventCount} tasks:${state.taskCount} workers:${alive.size}/${names.size}`
  const prompt = view.over?.kind === 'prompt' ? view.over.text : undefined
  return [
    [margin, '─'.repeat(columns - 2 * LEFT)],
    [margin, ...selectedLine(view.selected, selected, columns - LEFT)],
    [margin, ...(alive.size === 0 ? ['No workers discovered.'] : onlineLine([...alive]))],
    [
      margin,
      ['Info: ', 'bold'],
      [counts, 'dim'],
      ...(trouble === undefined ? [] : [[`  ${safe(trouble)}`, 'bad'] as const]),
    ],
    prompt === undefined
      ? [margin, ['Keys: ', 'bold'], [KEYS, 'dim']]
      : [margin, ['New rate limit: ', 'title'], `${prompt}_`],
  ]
}

function onlineLine(names: readonly string[]): readonly Piece[] {
  return [['Workers online: ', 'bold'], [...names].sort().map(safe).join(', ')]
}

function selectedLine(uuid: string | undefined, task: TaskState | undefined, width: number): readonly Piece[] {
  if (uuid === undefined) return ['No task selected']
  const label = 'Selected: '
  if (task === undefined) return [[label, 'bold'], 'Missing extended info']
  const info = infoOf(task).map(([name, value]) => `${name}=${name === 'result' ? abbreviated(value, 16) : value}`)
  const room = width - label.length - 2
  const text = info.join(' ')
  const more = '... -> key i'
  return text.length <= room
    ? [[label, 'bold'], text]
    : [[label, 'bold'], text.slice(0, Math.max(0, room - more.length)), [more, 'bold']]
}

function over(screen: Screen): readonly ScreenLine[] {
  const { rows, view, columns } = screen
  const lines = overLines(screen, columns - 2 * LEFT).slice(0, rows - 4)
  const blank = Array.from({ length: Math.max(0, rows - 3 - lines.length) }, (): ScreenLine => [])
  const waiting = view.over?.kind === 'replies' && view.over.lines === undefined
  const last = waiting ? 'Waiting for replies...' : 'Press any key to continue...'
  return [[], [], ...lines, ...blank, [[last, 'bold']]]
}

function overLines({ view, state }: Screen, width: number): readonly ScreenLine[] {
  const { over: shown, selected = '' } = view
  if (shown?.kind === 'replies') return repliesLines(shown.lines ?? [])
  const task = state.tasks.find(({ uuid }) => uuid === selected)
  if (shown?.kind !== 'details' || task === undefined) return [[margin, 'Nothing is known of this task any more.']]
  switch (shown.of) {
    case 'info':
      return [titled(`Task details for ${selected}`), [], ...infoLines(task, width)]
    case 'result':
      return [titled(`Task Result for ${selected}`), [], ...plain(wrapped(task.result ?? task.exception ?? '', width))]
    case 'traceback':
      return [titled(`Task Exception Traceback for ${selected}`), [], ...plain((task.traceback ?? '').split('\n'))]
    default:
      return shown.of satisfies never
  }
}

function repliesLines(replies: readonly Reply[]): readonly ScreenLine[] {
  const title = titled('Remote Control Command Replies')
  if (replies.length === 0) return [title, [], [margin, ['No replies received in 1s deadline.', 'bad']]]
  return [
    title,
    [],
    ...replies.map(
      ({ node, ok, text }): ScreenLine => [margin, [`${safe(node)}: `, 'bold'], [safe(text), ok ? 'good' : 'bad']],
    ),
  ]
}

function infoLines(task: TaskState, width: number): readonly ScreenLine[] {
  return [...infoOf(task), ['state', task.state] as const].flatMap(([name, value]) => {
    const lines = wrapped(value, width - 4)
    const key: Piece = [`${name}: `, 'bold']
    return lines.length <= 1
      ? [[margin, key, lines[0] ?? '']]
      : [[margin, key], ...plain(lines.map(line => `    ${line}`))]
  })
}

/** What is known of it, args and kwargs first. Source: celery/events/state.py `Task._info_fields`. */
function infoOf(task: TaskState): readonly (readonly [string, string])[] {
  const { args, kwargs, retries, result, eta, runtime, expires, exception, exchange, routingKey, rootId, parentId } =
    task
  const seconds = runtime === undefined ? undefined : (runtime / 1000).toFixed(2)
  const all = { args, kwargs, retries, result, eta, runtime: seconds, expires, exception, exchange }
  const rest = [
    ['routing_key', routingKey],
    ['root_id', rootId],
    ['parent_id', parentId],
  ] as const
  return [...Object.entries(all), ...rest].flatMap(([name, value]) =>
    value === undefined ? [] : [[name, safe(String(value))] as const],
  )
}

function titled(text: string): ScreenLine {
  return [margin, [safe(text), 'title']]
}

function plain(lines: readonly string[]): readonly ScreenLine[] {
  return lines.map(line => [margin, safe(line)])
}

function wrapped(text: string, width: number): readonly string[] {
  const room = Math.max(1, width)
  const lines: string[] = []
  for (let at = 0; at < text.length && lines.length < 1000; at += room) lines.push(text.slice(at, at + room))
  return lines
}

/** Source: celery/events/cursesmon.py `format_row`. */
function row(uuid: string, task: string, worker: string, time: string, state: string, width: number): string {
  const detail = width - 1 - STATE - 1 - TIME
  const uuidWidth = Math.max(1, Math.min(UUID, detail - 1 - LEAST_TASK - 1 - LEAST_WORKER))
  const rest = detail - uuidWidth - 1
  const taskWidth = Math.max(1, Math.ceil(rest / 2))
  const workerWidth = Math.max(1, rest - taskWidth - 1)
  const cells = [cell(uuid, uuidWidth), cell(worker, workerWidth), taskCell(task, taskWidth), time.padEnd(TIME)]
  return `${cells.join(' ')} ${cell(state, STATE)} `
}

function cell(text: string, width: number): string {
  return abbreviated(safe(text), width).padEnd(width)
}

/** A long name loses its beginning: its end says more. Source: celery/utils/text.py `abbrtask`. */
function taskCell(text: string, width: number): string {
  const name = safe(text)
  if (name.length <= width) return name.padEnd(width)
  return `[.]${name.slice(name.length - Math.max(0, width - 3))}`.slice(0, width)
}

function abbreviated(text: string, most: number): string {
  if (text.length <= most) return text
  return most > 3 ? `${text.slice(0, most - 3)}...` : text.slice(0, most)
}

function safe(text: string): string {
  return escapeText(text, 4096)
}
