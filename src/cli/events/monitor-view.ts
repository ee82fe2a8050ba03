import type { TaskState } from '../../events/task-state.js'

/** What the monitor shows beside the cluster: which task is selected, and what lies over the list. */
export interface MonitorView {
  readonly selected: string | undefined
  readonly over: Over | undefined
}

/** Something that lies over the list until a key takes it away. */
export type Over =
  | { readonly kind: 'details'; readonly of: 'info' | 'result' | 'traceback' }
  | { readonly kind: 'replies'; readonly lines: readonly Reply[] | undefined }
  | { readonly kind: 'prompt'; readonly text: string }

/** What one worker answered. */
export interface Reply {
  readonly node: string
  readonly ok: boolean
  readonly text: string
}

/** What a key asks for beyond looking. */
export type MonitorAct =
  | { readonly kind: 'quit' }
  | { readonly kind: 'beep' }
  | { readonly kind: 'revoke'; readonly id: string }
  | { readonly kind: 'rate-limit'; readonly task: string; readonly rate: string }

export interface Pressed {
  readonly view: MonitorView
  readonly act?: MonitorAct
}

export const FIRST_VIEW: MonitorView = Object.freeze({ selected: undefined, over: undefined })

/** Keys that have no letter. Source: celery/events/cursesmon.py `keyalias`. */
const ALIASES: Readonly<Record<string, string>> = {
  '\u001b[A': 'K',
  '\u001b[B': 'J',
  '\u001bOA': 'K',
  '\u001bOB': 'J',
  '\r': 'I',
  '\n': 'I',
  '\u0003': 'QUIT',
}

const EXCEPTIONS: ReadonlySet<string> = new Set(['RETRY', 'FAILURE', 'REVOKED'])
const LONGEST_RATE = 32

/**
 * A key was pressed. `tasks`: those on the screen, first line first. The keys are Celery's: j and k, arrows, i or Enter, t, r, c, l,
 * Ctrl-C. Source: celery/events/cursesmon.py `CursesMonitor`.
 */
export function pressed(view: MonitorView, key: string, tasks: readonly TaskState[]): Pressed {
  if (view.over?.kind === 'prompt') return typed(view, view.over.text, key, tasks)
  const name = ALIASES[key] ?? key.toUpperCase()
  if (name === 'QUIT') return { view, act: { kind: 'quit' } }
  // While answers are awaited there is nothing to take away yet.
  if (view.over?.kind === 'replies' && view.over.lines === undefined) return { view }
  if (view.over !== undefined) return { view: { ...view, over: undefined } }
  const task = tasks.find(({ uuid }) => uuid === view.selected)
  switch (name) {
    case 'J':
      return { view: { ...view, selected: moved(view, tasks, 1) } }
    case 'K':
      return { view: { ...view, selected: moved(view, tasks, -1) } }
    case 'I':
    case 'R':
      return task === undefined ? { view } : show(view, name === 'I' ? 'info' : 'result')
    case 'T':
      return task !== undefined && EXCEPTIONS.has(task.state) ? show(view, 'traceback') : beep(view)
    case 'C':
      return task === undefined ? beep(view) : awaiting(view, { kind: 'revoke', id: task.uuid })
    case 'L':
      return task?.name === undefined ? beep(view) : { view: { ...view, over: { kind: 'prompt', text: '' } } }
    default:
      return { view }
  }
}

function typed(view: MonitorView, text: string, key: string, tasks: readonly TaskState[]): Pressed {
  const over = (next: string): Pressed => ({ view: { ...view, over: { kind: 'prompt', text: next } } })
  const closed = { ...view, over: undefined }
  if (key === '\u0003') return { view: closed, act: { kind: 'quit' } }
  if (key === '\u001b') return { view: closed }
  if (key === '\u007f' || key === '\b') return over(text.slice(0, -1))
  if (key !== '\r' && key !== '\n')
    return /^[ -~]$/.test(key) && text.length < LONGEST_RATE ? over(text + key) : { view }
  const task = tasks.find(({ uuid }) => uuid === view.selected)?.name
  const rate = text.trim()
  return rate === '' || task === undefined ? { view: closed } : awaiting(closed, { kind: 'rate-limit', task, rate })
}

/** Below the last one comes the first. */
function moved({ selected }: MonitorView, tasks: readonly TaskState[], by: number): string | undefined {
  const at = Math.max(
    0,
    tasks.findIndex(({ uuid }) => uuid === selected),
  )
  if (selected === undefined || !tasks.some(({ uuid }) => uuid === selected)) return tasks[0]?.uuid
  return (tasks[at + by] ?? (by > 0 ? tasks[0] : tasks.at(-1)))?.uuid
}

function show(view: MonitorView, of: 'info' | 'result' | 'traceback'): Pressed {
  return { view: { ...view, over: { kind: 'details', of } } }
}

function beep(view: MonitorView): Pressed {
  return { view, act: { kind: 'beep' } }
}

function awaiting(view: MonitorView, act: MonitorAct): Pressed {
  return { view: { ...view, over: { kind: 'replies', lines: undefined } }, act }
}

/** One key after another out of what a terminal sends at a time. */
export function keysOf(text: string): readonly string[] {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: terminals send them
  return text.match(/\u001b[[O][\d;]*[A-Za-z~]|[\s\S]/gu) ?? []
}
