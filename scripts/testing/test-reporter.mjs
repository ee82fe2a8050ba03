// The reporter of one test file: the usual text without its totals, and beside it a record for whoever runs the file, one
// JSON line per event, in the file that the `record` of this module's URL names. A line is written before the next event
// is looked at: after a kill the record still tells what was running. `begun` and `over` come when it happens; `pass`,
// `fail` and `skip`, with the names of what the test is part of, when all tests before it are over.
import { appendFileSync } from 'node:fs'
import { Readable } from 'node:stream'
import { spec } from 'node:test/reporters'

/** Tests that whoever started the run did not ask for. */
const NOT_ASKED_FOR = ['test name does not match pattern', "'only' option not set"]

/** Come when it happens, not in the order of the text, which has no use for them. */
const EARLY = ['test:enqueue', 'test:dequeue', 'test:complete']

const TOTAL = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$/

const record = new URL(import.meta.url).searchParams.get('record')

export default async function* testReporter(source) {
  yield* Readable.from(recorded(source)).pipe(new spec())
}

async function* recorded(source) {
  const path = []
  // Starts are held back until something shows that the test was asked for: to the text, a start without an end is an error.
  const starts = []
  for await (const event of source) {
    const { type, data } = event
    if (type === 'test:start') path[data.nesting] = data.name
    const line = lineOf(type, data, path)
    if (line !== undefined) appendFileSync(record, `${JSON.stringify(line)}\n`)
    if (EARLY.includes(type) || isTotal(type, data)) continue
    if (type === 'test:start') starts.push(event)
    else if (NOT_ASKED_FOR.includes(data.skip)) starts.pop()
    else {
      yield* starts.splice(0)
      yield event
    }
  }
}

function isTotal(type, data) {
  return type === 'test:diagnostic' && data.nesting === 0 && TOTAL.test(data.message)
}

function lineOf(type, data, path) {
  const name = () => [...path.slice(0, data.nesting), data.name].join(' > ')
  switch (type) {
    case 'test:dequeue':
      return { kind: 'begun', name: data.name, nesting: data.nesting }
    case 'test:complete':
      return { kind: 'over', name: data.name, nesting: data.nesting, line: data.line, ...troubleOf(data) }
    case 'test:pass':
    case 'test:fail': {
      const mark = [data.skip, data.todo].find(each => each !== undefined && each !== false)
      if (mark !== undefined)
        return NOT_ASKED_FOR.includes(mark) ? undefined : { kind: 'skip', name: name(), why: mark }
      if (type === 'test:pass') return { kind: 'pass', suite: data.details?.type === 'suite' }
      const trouble = troubleOf(data)
      return trouble === undefined ? undefined : { kind: 'fail', name: name(), line: data.line, ...trouble }
    }
    default:
      return undefined
  }
}

/** Undefined when all is well, and when its parts have failed, which are told themselves. */
function troubleOf({ details, skip, todo }) {
  const error = details?.error
  if (error === undefined || skip || todo || error.failureType === 'subtestsFailed') return undefined
  return { message: messageOf(error.cause ?? error) }
}

function messageOf(error) {
  if (!(error instanceof Error)) return String(error)
  const at = error.stack?.split('\n').find(line => /^\s+at .*\/(src|test)\//.test(line))
  return `${error.name}: ${error.message}${at === undefined ? '' : `\n${at}`}`
}
