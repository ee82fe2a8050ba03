import type { QueueStats } from '../../brokers/broker.js'
import type { AttemptLine, JournalLine, PublishLine } from './journal.js'
import type { TaskKind } from './plan.js'

/** All that is known after a run, when nothing moves any more. */
export interface Facts {
  readonly acks: 'late' | 'early'
  readonly maxDeliveries: number
  /** An answered ack may still be under way to the broker for so long, ms: AMQP answers none. Default 0. */
  readonly ackTravel?: number
  /** A publish that is tried again inserts nothing; otherwise one under way when its connection broke may be there twice. Default true. */
  readonly publishDedupe?: boolean
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
  /** When its connections were broken or it stood still. */
  readonly trouble?: readonly Trouble[]
  readonly lines: readonly JournalLine[]
}

/** A time during which a process could not do as it wanted. */
export interface Trouble {
  readonly from: number
  readonly to: number
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
  /** How many kills and troubles met it after its start and before its ack was confirmed. */
  interrupted: number
  /** The same from when its worker was handed it. */
  held: number
  /** How many of its acks may have been lost on their way. */
  doubtful: number
  /** Processes that were killed when its ack had been asked for and the handler had not been entered. */
  readonly between: Set<string>
  readonly values: Set<string>
  executions: number
  unended: number
}

/** What a kill and a trouble have in common. */
interface Blow extends Trouble {
  readonly kill: boolean
}

/** Holds a run to the promises of its ack mode (invariants I01–I07, I13 of the kill sweep). */
export function judge(facts: Facts): Verdict {
  const faults: string[] = []
  const attempts = attemptsOf(facts)
  const byId = groupBy([...attempts.values()], attempt => attempt.id)
  const ran = new Set([...byId].filter(([, own]) => own.some(({ executions }) => executions > 0)).map(([id]) => id))
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
    if (ran.has(id)) faults.push(`${id} ran, though it was certainly not accepted (I06)`)
  for (const id of ran) if (!published.attempted.has(id)) faults.push(`${id} ran and was never published (I06)`)
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
    executed: ran.size,
    diedWithWorker,
    diedBetween,
    staleAcks: facts.histories.flatMap(({ lines }) => lines.filter(line => line.kind === 'stale')).length,
    deadLetters,
  }
}

function attemptsOf({ histories, ackTravel = 0 }: Facts): ReadonlyMap<string, Attempt> {
  const attempts = new Map<string, Attempt>()
  for (const history of histories) {
    const own = groupBy(history.lines.filter(isAttemptLine), line => `${line.id}:${line.retries}`)
    for (const [key, lines] of own) {
      const attempt = attempts.get(key) ?? newAttempt(lines[0]?.id ?? '')
      attempts.set(key, attempt)
      addHistory(attempt, history, lines, ackTravel)
    }
  }
  return attempts
}

function addHistory(attempt: Attempt, history: History, lines: readonly AttemptLine[], ackTravel: number): void {
  const { name, killedAt, trouble = [] } = history
  const count = (kind: AttemptLine['kind']): number => lines.filter(line => line.kind === kind).length
  const starts = count('start')
  attempt.executions += starts
  if (starts > 0) attempt.starts.set(name, starts)
  for (const { kind, value } of lines) if (kind === 'end' && value !== undefined) attempt.values.add(value)
  const blows: readonly Blow[] = [
    ...trouble.map(each => ({ ...each, kill: false })),
    ...(killedAt === undefined ? [] : [{ from: killedAt, to: killedAt, kill: true }]),
  ]
  for (const blow of blows) {
    if (meets(blow, lines, ackTravel, 'start')) attempt.interrupted++
    if (meets(blow, lines, ackTravel, 'taken')) attempt.held++
    if (ackInDoubt(blow, lines, ackTravel)) attempt.doubtful++
  }
  if (killedAt === undefined) return
  if (starts === 0 && count('asked') > 0) attempt.between.add(name)
  attempt.unended += Math.max(0, starts - count('end'))
}

/** It was in flight: started, and its ack, or its end when that came first, not yet with the broker. */
function meets(
  { from, to, kill }: Blow,
  lines: readonly AttemptLine[],
  ackTravel: number,
  since: 'taken' | 'start',
): boolean {
  const started = lines.find(({ kind }) => kind === since)
  if (started === undefined || started.at > to) return false
  if (isEarly(lines)) return kill && !hadTimeToStore(lines, from)
  const answered = lines.find(({ kind, at }) => (kind === 'acked' || kind === 'stale') && at >= started.at)
  return answered === undefined || answered.at > from - ackTravel
}

function ackInDoubt({ from, to }: Blow, lines: readonly AttemptLine[], ackTravel: number): boolean {
  return ackTravel > 0 && lines.some(({ kind, at }) => kind === 'asked' && at > from - ackTravel && at <= to)
}

/** What follows the end of an early-acked attempt, its result above all, is not in the journal: it takes this long, ms. */
const STORING = 5000

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
  if (attempts.some(attempt => attempt.interrupted > 0)) return 'died-with-worker'
  return attempts.some(attempt => attempt.between.size > 0) ? 'died-between' : 'lost'
}

function countExecutions(
  attempts: ReadonlyMap<string, Attempt>,
  { acks, maxDeliveries, histories, publishDedupe = true }: Facts,
  faults: string[],
): Pick<Verdict, 'executions' | 'extra' | 'inFlight' | 'unended'> {
  let executions = 0
  let extra = 0
  let inFlight = 0
  let unended = 0
  for (const [key, attempt] of attempts) {
    executions += attempt.executions
    inFlight += attempt.interrupted
    unended += attempt.unended
    const more = Math.max(0, attempt.executions - 1)
    extra += more
    let allowed = acks === 'late' ? attempt.interrupted : attempt.doubtful
    // Such a broker's redeliveries are counted in a copy that replaces the message: both are there for a moment.
    if (acks === 'late' && !publishDedupe) allowed = Math.max(allowed, attempt.held)
    if (more > allowed && !publishDedupe) allowed += copiesOf(attempt, key, attempts, histories)
    if (acks === 'early' && more > allowed)
      faults.push(`${key} was executed ${attempt.executions} times with early acks (I03)`)
    if (attempt.executions > maxDeliveries) faults.push(`${key} was executed ${attempt.executions} times (I05)`)
    if (acks === 'late' && more > allowed) {
      const where = [...attempt.starts].map(([name, times]) => `${name} × ${times}`).join(', ')
      faults.push(`${key} was executed by ${where}; it was in flight at ${allowed} kills and breaks only (I04)`)
    }
  }
  return { executions, extra, inFlight, unended }
}

/** How many more of its messages a publisher may have made, whose connection broke before the broker's answer came. */
function copiesOf(
  { id }: Attempt,
  key: string,
  attempts: ReadonlyMap<string, Attempt>,
  histories: readonly History[],
): number {
  // A retry is published by the attempt before it; whatever broke that may have doubled it.
  const retries = Number(key.slice(id.length + 1))
  const earlier = Array.from({ length: retries }, (_, n) => attempts.get(`${id}:${n}`)?.interrupted ?? 0)
  const sent = histories.flatMap(({ lines, trouble = [] }) => {
    const own = lines.filter(isPublishLine).filter(line => line.id === id)
    const first = own.find(({ kind }) => kind === 'sending')
    const last = own.find(({ kind }) => kind === 'accepted')
    if (first === undefined) return []
    return trouble.filter(({ from, to }) => first.at <= to && (last === undefined || last.at >= from))
  })
  return sent.length + earlier.reduce((sum, count) => sum + count, 0)
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
    new Set(
      histories.flatMap(({ lines }) =>
        lines
          .filter(isPublishLine)
          .filter(line => line.kind === kind)
          .map(line => line.id),
      ),
    )
  const [accepted, unknown] = [idsOf('accepted'), idsOf('unknown')]
  const refused = [...idsOf('refused')].filter(id => !accepted.has(id) && !unknown.has(id))
  return { attempted: idsOf('sending'), accepted, refused: new Set(refused) }
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
    interrupted: 0,
    held: 0,
    doubtful: 0,
    between: new Set(),
    values: new Set(),
    executions: 0,
    unended: 0,
  }
}

function isPublishLine(line: JournalLine): line is PublishLine {
  return 'id' in line && !('retries' in line)
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
