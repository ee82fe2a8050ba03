import type { QueueStats } from '../../src/brokers/broker.js'
import type { AttemptLine, JournalLine } from './journal.js'
import type { TaskKind } from './plan.js'

/** All that is known after a run, when nothing moves any more. */
export interface Facts {
  readonly acks: 'late' | 'early'
  readonly maxDeliveries: number
  /** What was to be published, and what is to become of it. */
  readonly plan: ReadonlyMap<string, TaskKind>
  readonly histories: readonly History[]
  /** Task id → what the result backend holds; absent = nothing. */
  readonly results: ReadonlyMap<string, StoredResult>
  readonly queues: readonly QueueStats[]
  /** Files that should not be there. */
  readonly leftovers: readonly string[]
}

/** The life of one process. */
export interface History {
  readonly name: string
  /** When it was killed; undefined = it was told to stop. */
  readonly killedAt: number | undefined
  readonly lines: readonly JournalLine[]
}

export interface StoredResult {
  readonly status: string
  /** The value, or the message of the error. */
  readonly value: unknown
}

export interface LostTask {
  readonly id: string
  readonly kind: TaskKind
  readonly status: string
  /** Every line that names it, with the process that wrote it. */
  readonly lines: readonly string[]
}

export interface Verdict {
  /** Empty = every promise was kept. */
  readonly faults: readonly string[]
  readonly lost: readonly LostTask[]
  readonly accepted: number
  /** Tasks whose handler was entered at least once. */
  readonly executed: number
  readonly executions: number
  /** Executions of an (id, retries) beyond its first. */
  readonly extra: number
  /** Attempts under way when their process was killed; with late acks until the ack was confirmed: what `extra` may come to (I04). */
  readonly inFlight: number
  /** Of these, attempts whose handler had not ended. */
  readonly unended: number
  /** Early acks: attempts whose worker was killed after they had started. */
  readonly diedWithWorker: number
  /** Early acks: attempts whose worker was killed between asking for the ack and entering the handler. */
  readonly diedBetween: number
  readonly staleAcks: number
  readonly deadLetters: number
}

/** One (id, retries), over all processes. */
interface Attempt {
  readonly id: string
  readonly starts: Map<string, number>
  /** Processes that were killed after its start and before its ack was confirmed. */
  readonly interrupted: Set<string>
  /** Processes that were killed when its ack had been asked for and the handler had not been entered. */
  readonly between: Set<string>
  readonly values: Set<string>
  executions: number
  unended: number
}

/** Holds a run to the promises of its ack mode (invariants I01–I07, I13 of the kill sweep). */
export function judge(facts: Facts): Verdict {
  const faults: string[] = []
  const attempts = attemptsOf(facts)
  const byId = groupBy([...attempts.values()], attempt => attempt.id)
  const published = publishedOf(facts.histories)
  const lost: LostTask[] = []
  let diedWithWorker = 0
  let diedBetween = 0
  for (const id of published.accepted) {
    const kind = facts.plan.get(id)
    if (kind === undefined) {
      faults.push(`${id} was accepted and never planned`)
      continue
    }
    const own = byId.get(id) ?? []
    const outcome = outcomeOf(id, kind, own, facts)
    if (outcome === 'lost') lost.push(lostTask(id, kind, facts))
    else if (outcome === 'died-with-worker') diedWithWorker++
    else if (outcome === 'died-between') diedBetween++
    else if (outcome !== 'kept') faults.push(outcome)
  }
  for (const id of published.refused)
    if (byId.has(id)) faults.push(`${id} ran, though it was certainly not accepted (I06)`)
  for (const id of byId.keys()) if (!published.attempted.has(id)) faults.push(`${id} ran and was never published (I06)`)
  const counted = countExecutions(attempts, facts, faults)
  if (lost.length > 0) faults.unshift(`${lost.length} accepted tasks are lost (I01)`)
  const deadLetters = quiet(facts, faults)
  for (const name of facts.leftovers) faults.push(`the file ${name} was left behind`)
  const missing = facts.plan.size - published.attempted.size
  if (missing > 0) faults.push(`${missing} tasks were never published`)
  return {
    ...counted,
    faults,
    lost,
    accepted: published.accepted.size,
    executed: byId.size,
    diedWithWorker,
    diedBetween,
    staleAcks: facts.histories.flatMap(({ lines }) => lines.filter(line => line.kind === 'stale')).length,
    deadLetters,
  }
}

function attemptsOf({ histories }: Facts): ReadonlyMap<string, Attempt> {
  const attempts = new Map<string, Attempt>()
  for (const history of histories) {
    const own = groupBy(history.lines.filter(isAttemptLine), line => `${line.id}:${line.retries}`)
    for (const [key, lines] of own) {
      const attempt = attempts.get(key) ?? newAttempt(lines[0]?.id ?? '')
      attempts.set(key, attempt)
      addHistory(attempt, history, lines)
    }
  }
  return attempts
}

function addHistory(attempt: Attempt, { name, killedAt }: History, lines: readonly AttemptLine[]): void {
  const count = (kind: AttemptLine['kind']): number => lines.filter(line => line.kind === kind).length
  const starts = count('start')
  attempt.executions += starts
  if (starts > 0) attempt.starts.set(name, starts)
  for (const { kind, value } of lines) if (kind === 'end' && value !== undefined) attempt.values.add(value)
  if (killedAt === undefined) return
  if (starts > 0 && (isEarly(lines) ? !hadTimeToStore(lines, killedAt) : !wasAnswered(lines))) {
    attempt.interrupted.add(name)
  }
  if (starts === 0 && count('asked') > 0) attempt.between.add(name)
  attempt.unended += Math.max(0, starts - count('end'))
}

function wasAnswered(lines: readonly AttemptLine[]): boolean {
  return lines.some(({ kind }) => kind === 'acked' || kind === 'stale')
}

/** What follows the end of an early-acked attempt, its result above all, is not in the journal: it takes this long, ms. */
const STORING = 1000

function hadTimeToStore(lines: readonly AttemptLine[], killedAt: number): boolean {
  return lines.some(({ kind, at }) => kind === 'end' && at < killedAt - STORING)
}

/** Acked before its start. */
function isEarly(lines: readonly AttemptLine[]): boolean {
  const kinds = lines.map(line => line.kind)
  return kinds.includes('asked') && kinds.indexOf('asked') < kinds.indexOf('start')
}

/** `lost`, `kept`, how an early-acked task went down with its worker, or what is wrong. */
function outcomeOf(id: string, kind: TaskKind, attempts: readonly Attempt[], facts: Facts): string {
  const stored = facts.results.get(id)
  const values = new Set(attempts.flatMap(attempt => [...attempt.values]))
  const known = stored === undefined || values.has(String(stored.value))
  switch (stored?.status) {
    case 'SUCCESS':
      if (kind === 'fail' || kind === 'quiet') return `${id} (${kind}) has a SUCCESS`
      return known ? 'kept' : `${id} has a result that no execution returned: ${String(stored.value)} (I07)`
    case 'FAILURE':
      if (kind === 'fail' && known) return 'kept'
      return `${id} (${kind}) is a FAILURE: ${String(stored.value)}`
    default:
  }
  if (kind === 'quiet' && values.size > 0) return 'kept'
  if (facts.acks === 'late') return 'lost'
  if (attempts.some(attempt => attempt.interrupted.size > 0)) return 'died-with-worker'
  return attempts.some(attempt => attempt.between.size > 0) ? 'died-between' : 'lost'
}

function countExecutions(
  attempts: ReadonlyMap<string, Attempt>,
  { acks, maxDeliveries }: Facts,
  faults: string[],
): Pick<Verdict, 'executions' | 'extra' | 'inFlight' | 'unended'> {
  let executions = 0
  let extra = 0
  let inFlight = 0
  let unended = 0
  for (const [key, attempt] of attempts) {
    executions += attempt.executions
    inFlight += attempt.interrupted.size
    unended += attempt.unended
    const more = Math.max(0, attempt.executions - 1)
    extra += more
    if (acks === 'early' && more > 0)
      faults.push(`${key} was executed ${attempt.executions} times with early acks (I03)`)
    if (attempt.executions > maxDeliveries) faults.push(`${key} was executed ${attempt.executions} times (I05)`)
    if (more > attempt.interrupted.size) {
      const where = [...attempt.starts].map(([name, times]) => `${name} × ${times}`).join(', ')
      faults.push(`${key} was executed by ${where}; it was in flight at ${attempt.interrupted.size} kills only (I04)`)
    }
  }
  return { executions, extra, inFlight, unended }
}

/** I13: nothing waits, nobody holds, nothing is dead. Returns the number of dead letters. */
function quiet({ queues }: Facts, faults: string[]): number {
  let deadLetters = 0
  for (const { queue, ready, held, delayed, consumers } of queues) {
    if (queue.endsWith('.dead')) deadLetters += ready
    if (ready + held + delayed > 0)
      faults.push(`queue ${queue} has ${ready} ready, ${held} held, ${delayed} delayed (I13)`)
    if (consumers !== undefined && consumers > 0) faults.push(`queue ${queue} still has ${consumers} consumers (I13)`)
  }
  return deadLetters
}

interface Published {
  readonly attempted: ReadonlySet<string>
  readonly accepted: ReadonlySet<string>
  readonly refused: ReadonlySet<string>
}

function publishedOf(histories: readonly History[]): Published {
  const idsOf = (kind: JournalLine['kind']): Set<string> =>
    new Set(histories.flatMap(({ lines }) => lines.filter(line => line.kind === kind).map(line => line.id)))
  return { attempted: idsOf('sending'), accepted: idsOf('accepted'), refused: idsOf('refused') }
}

function lostTask(id: string, kind: TaskKind, { histories, results }: Facts): LostTask {
  const lines = histories.flatMap(({ name, killedAt, lines: own }) =>
    own
      .filter(line => line.id === id)
      .map(
        line =>
          `${line.at.toFixed(3)} ${name}${killedAt === undefined ? '' : ` (killed ${killedAt.toFixed(3)})`} ${line.kind}`,
      ),
  )
  return { id, kind, status: results.get(id)?.status ?? 'no result', lines: lines.sort() }
}

function newAttempt(id: string): Attempt {
  return {
    id,
    starts: new Map(),
    interrupted: new Set(),
    between: new Set(),
    values: new Set(),
    executions: 0,
    unended: 0,
  }
}

function isAttemptLine(line: JournalLine): line is AttemptLine {
  return 'retries' in line
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const key = keyOf(item)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [item])
    else group.push(item)
  }
  return groups
}
