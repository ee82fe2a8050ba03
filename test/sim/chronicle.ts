import type { Evidence } from '../../src/testing/sim/evidence.js'
import type { Execution } from '../../src/testing/sim/journal.js'
import type { LedgerMessage } from '../../src/testing/sim/ledger.js'
import type { StoredRecord } from '../../src/testing/sim/witnessed-backend.js'

interface Entry {
  readonly at: number
  readonly line: string
}

/** What broker, handlers and backend know of these tasks, in the order of true time: lines for whoever looks for the cause. */
export function chronicle({ ledger, journal, backend }: Evidence, ids: readonly string[]): readonly string[] {
  const entries = ids.flatMap(id => [
    ...ledger.of(id).flatMap((message, i) => ofMessage(message, `${id}#${i + 1}`)),
    ...journal.of(id).flatMap(ofExecution),
    ...backend.of(id).flatMap(ofRecord),
  ])
  return entries.sort((a, b) => a.at - b.at).map(({ at, line }) => `${at.toFixed(3).padStart(14)}  ${line}`)
}

/** `name`: of the message among those of its task. */
function ofMessage(
  { queue, publishId, at, by, copy, retries, claims, gone, faults }: LedgerMessage,
  name: string,
): readonly Entry[] {
  const origin = copy ? 'copied by the broker' : `published by ${by} as ${publishId}`
  const entries: Entry[] = [
    {
      at,
      line: `${name}  into '${queue}', retries ${retries}, ${origin}; at last ${gone === 'no' ? 'there' : gone}, ${faults} faults`,
    },
  ]
  for (const claim of claims) {
    const past = `${claim.redelivered ? 'redelivered' : 'new'}, ${claim.faults} faults${claim.pastBegun ? ', had begun' : ''}`
    entries.push({ at: claim.at, line: `${name}  to ${claim.session.name}: ${past}` })
    if (claim.endedAt === undefined) continue
    const how = `${claim.end}${claim.moved ? ', its copy took its place' : ''}${claim.begun ? ', had begun' : ''}`
    entries.push({ at: claim.endedAt, line: `${name}  from ${claim.session.name}: ${how}` })
  }
  return entries
}

function ofExecution(run: Execution): readonly Entry[] {
  const { number, id, retries, process, at, end, endedAt } = run
  const name = `${id}  run ${number}`
  const fate = [run.told && 'told', run.gaveUp && 'gave up', run.cutShort && 'cut short', run.lost && 'lost']
  const marks = fate.filter(mark => mark !== false).join(', ')
  return [
    {
      at,
      line: `${name}  in ${process.name} (pid ${process.runtime.host.pid}), retries ${retries}${marks === '' ? '' : `; at last ${marks}`}`,
    },
    ...(endedAt === undefined
      ? []
      : [{ at: endedAt, line: `${name}  ${end?.kind === 'threw' ? `threw ${end.what}` : 'returned'}` }]),
  ]
}

function ofRecord({ meta, fence, answer, sentAt, at }: StoredRecord): readonly Entry[] {
  const under = fence === undefined ? 'without a fence' : `by claim ${fence.claim}, retries ${fence.retries}`
  const sent = sentAt === undefined ? '' : `, sent ${sentAt.toFixed(3)}`
  return [{ at, line: `${meta.taskId}  ${meta.status} ${answer}, ${under}${sent}` }]
}
