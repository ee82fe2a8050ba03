/** Lines of a failure's message that the summary shows. */
const SHOWN_LINES = 12

/** Says at the end what was skipped and what has failed, so that the last lines of a log are enough. True when all is well. */
export function report(runs, { skipsFail }) {
  const skips = runs.flatMap(({ source, events }) =>
    events.filter(({ kind }) => kind === 'skip').map(({ name, why }) => `${source}: ${name}${textOf(why)}`),
  )
  const byDesign = skips.filter(line => line.includes(' (lacks '))
  const missing = skips.filter(line => !byDesign.includes(line))
  list('Skipped by design', byDesign)
  list(skipsFail ? 'Skipped, which CI does not allow' : 'Skipped', missing)
  const failures = runs.flatMap(failuresOf)
  const unsteady = runs.filter(run => failuresOf(run).length === 0).flatMap(run => run.unsteady ?? [])
  list('Unsteady: failed among others, passed when run again alone. Look into them', unsteady)
  list('Failed', failures)
  const passed = runs.flatMap(({ events }) => events.filter(({ kind, suite }) => kind === 'pass' && !suite)).length
  console.log(
    `\n${failures.length === 0 ? '✔' : '✖'} ${passed} passed, ${failures.length} failed, ${unsteady.length} unsteady, ${skips.length} skipped, in ${runs.length} files`,
  )
  return failures.length === 0 && !(skipsFail && missing.length > 0)
}

/** What there is to say of each failure of a file; none when all is well. */
export function failuresOf({ source, exit, hung, events }) {
  const told = events.filter(({ kind }) => kind === 'fail')
  // A test before it has not ended: its place in the order, and so its whole name, never came.
  const untold = events.filter(
    ({ kind, message, line }) => kind === 'over' && message !== undefined && !told.some(each => each.line === line),
  )
  const failed = [...told, ...untold].map(
    ({ name, line, message }) => `✖ ${name}\n${source}:${line}\n${shortened(message)}`,
  )
  const running = runningOf(events)
  const names = running.length === 0 ? 'nothing' : running.map(name => `“${name}”`).join(', ')
  if (hung !== undefined)
    return [...failed, `✖ ${source} told of nothing for ${hung} s and was ended. Running: ${names}`]
  if ((exit === 0 && running.length === 0) || (exit === 1 && failed.length > 0)) return failed
  return [...failed, `✖ ${source} ended with ${exit}. Running: ${names}`]
}

/** Names of what has begun and not ended. */
function runningOf(events) {
  const open = new Map()
  for (const { kind, name, nesting } of events) {
    const key = `${nesting} ${name}`
    if (kind === 'begun') open.set(key, name)
    else if (kind === 'over') open.delete(key)
  }
  return [...open.values()]
}

function shortened(message) {
  const lines = message.split('\n')
  return lines.length <= SHOWN_LINES ? message : [...lines.slice(0, SHOWN_LINES), '…'].join('\n')
}

function textOf(why) {
  return typeof why === 'string' && why !== '' ? ` (${why})` : ''
}

function list(title, entries) {
  if (entries.length === 0) return
  console.log(`\n${title} (${entries.length}):`)
  for (const entry of entries) console.log(`  ${entry.replaceAll('\n', '\n    ')}`)
}
