import { isDeepStrictEqual } from 'node:util'
import type { ResultTuple } from '../../../src/protocol/result-meta.js'
import { isFinal } from '../../../src/protocol/states.js'
import { forgiven } from '../../../src/testing/sim/checkers/story.js'
import { type Evidence, Violation } from '../../../src/testing/sim/evidence.js'
import { type Fall, type Meaning, meaningOf } from '../../canvas/model.js'
import type { Sightings } from '../lab/sightings.js'
import { idsIn } from './ids-in.js'
import { hasEnded, type Performances, plainly } from './performances.js'
import type { CanvasPlan } from './plan.js'

export interface Case {
  readonly plan: CanvasPlan
  /** `final` is set. */
  readonly evidence: Evidence
  readonly performances: Performances
  readonly sightings: Sightings
  /** Undefined: the client does not know that it was sent. */
  readonly result: ResultTuple | undefined
}

/**
 * What came of a canvas, against what it means. Nobody is left waiting, whatever befell it; and its value, its runs and the state
 * of every task are the model's, given which tasks did not come to their own end. Throws `Violation`.
 */
export function judge(given: Case): void {
  const { result, evidence, sightings, plan } = given
  const lost = [...evidence.plan.values()].some(task => forgiven(task, evidence))
  if (result === undefined) sightings.saw('the client does not know whether it was sent')
  else if (lost) sightings.saw('an early-acked task was lost with its worker')
  if (result === undefined || lost) return
  mustHaveEnded(result, given)
  mustHaveBeenLost(given)
  const falls = [...evidence.plan.keys()].map(id => [id, fallOf(id, given)] as const)
  if (falls.some(([, fall]) => fall === 'both')) {
    sightings.saw('of two copies one ran and one was refused')
    return
  }
  const fallen = new Map<string, Fall>()
  for (const [id, fall] of falls) {
    if (fall === 'revoked' || fall === 'poison') fallen.set(labelOf(id, given), fall)
  }
  for (const fall of fallen.values()) sightings.saw(fall === 'revoked' ? 'a task was revoked' : 'a task was poison')
  const meaning = meaningOf(plan.tree, fallen)
  sightings.saw(meaning.end.ok ? 'the canvas succeeded' : 'the canvas failed')
  mustHaveRun(meaning, given)
  mustHaveRunOnce(meaning, given)
  mustBeInState(meaning, fallen, given)
  mustHaveValue(result, meaning, given)
}

function mustHaveEnded(result: ResultTuple, { evidence }: Case): void {
  for (const id of idsIn(result)) {
    const state = stateOf(id, evidence)
    if (!isFinal(state)) throw new Violation('C6', `everything is at rest, and ${id} is ${state}`, [id])
  }
}

/** How a task was kept from its own end; `both`: a copy of it was not. */
function fallOf(id: string, { plan, evidence, performances }: Case): Fall | 'both' | undefined {
  const records = evidence.backend.of(id).filter(({ answer }) => answer === 'stored')
  const buried = evidence.final?.dead.some(letter => letter.id === id) ?? false
  const isMeant = plan.revokes.some(({ label }) => label === id)
  const refused = isMeant && records.some(({ meta, fence }) => meta.status === 'REVOKED' && fence !== undefined)
  const ended = performances.all.some(one => one.id === id && hasEnded(one))
  const state = stateOf(id, evidence)
  const retried = records.some(({ meta }) => meta.status === 'RETRY')
  if ((buried || refused) && ended && state === 'SUCCESS') return 'both'
  if ((buried || refused) && ended && !retried && state !== 'REVOKED' && !buried) return 'both'
  if (isMeant && state === 'REVOKED') return 'revoked'
  const error = evidence.final?.states.get(id)?.error?.type
  // Cut off by a cold shutdown after its ack, or lost with its child.
  if (buried || (!plan.late && (error === 'WorkerShutdown' || error === 'WorkerLostError'))) return 'poison'
  return undefined
}

/** A task was called lost only where a child had died that may have begun it. */
function mustHaveBeenLost({ evidence: { final, journal }, sightings }: Case): void {
  const lost = [...(final?.states.values() ?? [])].find(({ error }) => error?.type === 'WorkerLostError')?.taskId
  if (lost === undefined) return
  sightings.saw('a task was called lost with its child')
  if (journal.doubts.size > 0 || journal.executions.some(execution => execution.lost)) return
  throw new Violation('F02', `${lost} was called lost with its child, and was not`, [lost])
}

/** The tree's own name of a task: without what its replacements and items add. */
function labelOf(id: string, { performances, evidence }: Case): string {
  const performed = performances.all.find(one => one.id === id)?.label
  const label = performed ?? labelInMessage(id, evidence) ?? id
  return label.replace(/(\d)[abc]$/, '$1').replace(/\.\d+$/, '')
}

function labelInMessage(id: string, { ledger }: Evidence): string | undefined {
  const body = ledger.of(id)[0]?.message.body
  return body === undefined ? undefined : /"label":"([^"]+)"/.exec(Buffer.from(body).toString())?.[1]
}

/** At least once, each attempt of everything that is to run, and nothing else. */
function mustHaveRun({ runs, perhaps }: Meaning, { performances, evidence }: Case): void {
  for (const { label, id, retries } of performances.all) {
    const attempts = runs.get(label)
    if (attempts === undefined) throw new Violation('C7', `${label} ran, and was not to`, [id])
    if (retries >= attempts) throw new Violation('C7', `${label} ran for the ${retries + 1}. time`, [id])
  }
  for (const [label, attempts] of runs) {
    if (perhaps.has(label)) continue
    const seen = new Set(performances.of(label).flatMap(one => (hasEnded(one) ? [one.retries] : [])))
    if (seen.size === attempts) continue
    const ids = [...evidence.plan.keys()].filter(id => id === label)
    throw new Violation('C8', `${label} came to the end of ${seen.size} attempts; ${attempts} were to be made`, ids)
  }
}

/** Where nothing befell it; but for what was handed back, as its end could not be told within the time given (D47). */
function mustHaveRunOnce({ runs, perhaps }: Meaning, { performances, plan, sightings, evidence }: Case): void {
  if (plan.faults.length > 0 || plan.revokes.length > 0) return
  sightings.saw('nothing befell it')
  for (const [label, attempts] of runs) {
    const performed = performances.of(label)
    const times = performed.length
    const ids = new Set(performed.map(({ id }) => id))
    const givenUp = [...ids].flatMap(id => evidence.journal.of(id)).filter(({ gaveUp }) => gaveUp).length
    if (perhaps.has(label) || (times >= attempts && times <= attempts + givenUp)) continue
    throw new Violation('C9', `${label} ran ${times} times instead of ${attempts}, and nothing had befallen it`, [])
  }
}

function mustBeInState({ ends }: Meaning, fallen: ReadonlyMap<string, Fall>, given: Case): void {
  const { evidence, plan, performances } = given
  for (const [label, end] of ends) {
    const id = plan.named ? label : performances.idOf(label)
    const meta = id === undefined ? undefined : evidence.final?.states.get(id)
    if (id === undefined || (meta === undefined && !evidence.plan.has(id))) continue
    const wanted = end.ok ? 'SUCCESS' : fallen.get(label) === 'revoked' ? 'REVOKED' : 'FAILURE'
    if (meta?.status !== wanted) {
      throw new Violation('C10', `${label} should be ${wanted} and is ${meta?.status ?? 'PENDING'}`, [id])
    }
    if (end.ok && !isDeepStrictEqual(plainly(meta.result), end.value)) {
      throw new Violation('C10', `${label} should give ${JSON.stringify(end.value)}`, [id])
    }
  }
}

function mustHaveValue(result: ResultTuple, { end }: Meaning, { evidence }: Case): void {
  const ends = endsIn(result)
  const failed = ends.filter(id => stateOf(id, evidence) !== 'SUCCESS')
  if (!end.ok) {
    if (failed.length === 0) throw new Violation('C11', 'the canvas succeeded, and was to fail', ends)
    return
  }
  if (failed.length > 0) throw new Violation('C11', `the canvas was to succeed; ${failed.join(', ')} did not`, failed)
  const value = valueIn(result, evidence)
  if (isDeepStrictEqual(plainly(value), end.value)) return
  throw new Violation('C11', `the canvas gives ${JSON.stringify(value)} instead of ${JSON.stringify(end.value)}`, ends)
}

function endsIn({ id, members }: ResultTuple): readonly string[] {
  return members === undefined ? [id] : members.flatMap(endsIn)
}

function valueIn({ id, members }: ResultTuple, evidence: Evidence): unknown {
  if (members !== undefined) return members.map(member => valueIn(member, evidence))
  return evidence.final?.states.get(id)?.result
}

function stateOf(id: string, { final }: Evidence): string {
  return final?.states.get(id)?.status ?? 'PENDING'
}
