import { outside, printDocument } from './output.js'

/** How a reply begins: it worked, or the worker says why not. */
export function replyStatus(reply: unknown): 'OK' | 'ERROR' {
  return isObject(reply) && !('ok' in reply) && 'error' in reply ? 'ERROR' : 'OK'
}

/** A reply as lines, laid out as Celery's command line does. Source: celery/bin/base.py `pretty`, celery/bin/control.py. */
export function replyLines(reply: unknown): readonly string[] {
  return indented(prettyLines(reply), 4)
}

function prettyLines(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.length === 0 ? ['- empty -'] : value.map(item => `* ${outside(item)}`)
  if (typeof value === 'string') return textLines(value)
  if (!isObject(value)) return [value === null || value === undefined ? 'None' : outside(value)]
  if ('ok' in value) return indented(prettyLines(value['ok']), 4)
  if ('error' in value) return indented(prettyLines(value['error']), 4)
  return JSON.stringify(JSON.parse(printDocument(sorted(value))), undefined, 4)
    .split('\n')
    .map(outside)
}

function textLines(text: string): readonly string[] {
  return text.split('\n').map(line => outside(line))
}

function indented(lines: readonly string[], by: number): readonly string[] {
  return lines.map(line => ' '.repeat(by) + line)
}

/** Members by name, at every depth. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (!isObject(value)) return value
  const names = Object.keys(value).sort()
  return Object.fromEntries(names.map(name => [name, sorted(value[name])]))
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
