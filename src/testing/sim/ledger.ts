import type { Settled } from '../../brokers/broker.js'
import type { Ms, SteadyMs } from '../../lib/time.js'
import { attemptInHeaders } from '../../protocol/attempt-number.js'
import type { QueueName } from '../../protocol/ids.js'
import type { Message } from '../../protocol/message.js'
import type { SimProcess } from './sim-process.js'

/** One connection as the broker's place sees it. */
export interface LedgerSession {
  readonly name: string
  /** Undefined: an observer, who belongs to no process. */
  readonly process: SimProcess | undefined
  /** When the place gave it up, cleanly or not. */
  goneAt: SteadyMs | undefined
  /** It was not closed: reset, cut, or its process died. */
  lost: boolean
  readonly held: Map<string, LedgerClaim>
}

export interface LedgerClaim {
  readonly message: LedgerMessage
  readonly session: LedgerSession
  readonly token: string
  readonly at: SteadyMs
  readonly redelivered: boolean
  readonly faults: number
  /** `returned`: the broker took it back because its holder was gone. */
  /** What was said of the delivery before this one; and whether user code may have been entered under this one. */
  readonly pastBegun: boolean
  begun: boolean
  /** Its holder published the message again, in this one's place; the ack that is to follow is no end of it. */
  moved: boolean
  end: 'open' | 'acked' | 'requeued' | 'returned'
  endedAt: SteadyMs | undefined
}

/** An invariant that a broker broke in front of our eyes. */
export interface Wrong {
  readonly invariant: string
  readonly id: string
  readonly what: string
}

/** One message in one queue, from its acceptance on. */
export interface LedgerMessage {
  readonly id: string
  readonly retries: number
  /** `attemptInHeaders`. */
  readonly attempt: number
  readonly queue: QueueName
  readonly publishId: string
  readonly message: Message
  readonly at: SteadyMs
  readonly by: string
  /** The broker itself made it from another one: a duplicate delivery (F42). */
  readonly copy: boolean
  readonly claims: LedgerClaim[]
  /** Returns that counted as faults (D40). */
  faults: number
  /** Acks that the broker forgot in a crash. */
  forgottenAcks: number
  /** Acked, or lost by a broker that may lose. */
  gone: 'no' | 'acked' | 'lost'
  /** The broker has forgotten what became of it lately: claims, faults, acks. */
  rewound: boolean
}

/** How long a publish is known at least. */
const DEDUPE: Ms = 60_000

/**
 * What a broker's place has accepted, handed out and taken back, in true time: the acceptance log that checkers read.
 * Written by the place itself, never by a process.
 */
export class Ledger {
  readonly messages: LedgerMessage[] = []
  readonly sessions: LedgerSession[] = []
  /** What no broker may do; the first one fails the run (I12). */
  readonly wrongs: Wrong[] = []
  /** Verdicts that came after their token was lost (D21). */
  stale = 0
  /** Sweeps that found, when they came to return a dead holder's messages, that another had done so. */
  rivals = 0
  readonly #byId = new Map<string, LedgerMessage[]>()
  readonly #published = new Map<string, SteadyMs>()
  readonly #byMessage = new Map<Message, LedgerMessage>()
  readonly #now: () => SteadyMs
  readonly #grace: Ms | undefined

  /** `grace`: how long a holder without a sign of life keeps its messages; undefined where connections hold them. */
  constructor(now: () => SteadyMs, grace: Ms | undefined) {
    this.#now = now
    this.#grace = grace
  }

  of(id: string): readonly LedgerMessage[] {
    return this.#byId.get(id) ?? []
  }

  /** Messages that carry this attempt. */
  attempt(id: string, retries: number): readonly LedgerMessage[] {
    return this.of(id).filter(message => message.retries === retries)
  }

  opened(name: string, process: SimProcess | undefined): LedgerSession {
    const session: LedgerSession = { name, process, goneAt: undefined, lost: false, held: new Map() }
    this.sessions.push(session)
    return session
  }

  gone(session: LedgerSession, how: 'closed' | 'lost'): void {
    if (session.goneAt !== undefined) return
    session.goneAt = this.#now()
    session.lost = how === 'lost'
  }

  pushed(message: Message, queue: QueueName, publishId: string, by: string, copy = false): LedgerMessage {
    const id = String(message.headers['id'])
    const retries = Number(message.headers['retries'] ?? 0)
    const attempt = attemptInHeaders(message.headers)
    const at = this.#now()
    const entry: LedgerMessage = {
      id,
      retries,
      attempt,
      queue,
      publishId,
      message,
      at,
      by,
      copy,
      claims: [],
      faults: 0,
      forgottenAcks: 0,
      gone: 'no',
      rewound: false,
    }
    this.#once(entry)
    this.messages.push(entry)
    this.#byMessage.set(message, entry)
    const known = this.#byId.get(id)
    if (known === undefined) this.#byId.set(id, [entry])
    else known.push(entry)
    return entry
  }

  claimed(
    session: LedgerSession,
    message: Message,
    given: { readonly token: string; readonly redelivered: boolean; readonly faults: number; readonly begun: boolean },
  ): void {
    const entry = this.#byMessage.get(message)
    if (entry === undefined) return
    const last = entry.claims.at(-1)
    if (entry.gone === 'acked') this.wrong('I12', entry.id, `${entry.id}: was handed out after its ack`)
    if (last?.end === 'open') this.#returned(last)
    const { token, redelivered, faults, begun } = given
    const at = this.#now()
    const claim: LedgerClaim = {
      message: entry,
      session,
      token,
      at,
      redelivered,
      faults,
      pastBegun: begun,
      begun: false,
      moved: false,
      end: 'open',
      endedAt: undefined,
    }
    if (last !== undefined && !redelivered && !entry.rewound)
      this.wrong('I12', entry.id, `${entry.id}: came again without being flagged`)
    // Where a message carries its count itself, ours is the most that it may say.
    if (faults < entry.faults && this.#grace !== undefined)
      this.wrong('I05', entry.id, `${entry.id}: has had ${entry.faults} faults and says ${faults}`)
    entry.claims.push(claim)
    session.held.set(token, claim)
  }

  settled(
    session: LedgerSession,
    token: string,
    verdict:
      | { readonly kind: 'ack' }
      | { readonly kind: 'begin' }
      | { readonly kind: 'requeue'; readonly counted: boolean },
    answer: Settled,
  ): void {
    if (answer === 'stale') this.stale++
    const claim = session.held.get(token)
    if (claim === undefined || answer === 'stale') return
    if (claim.message.claims.at(-1) !== claim || claim.end !== 'open') {
      this.wrong('I12', claim.message.id, `${claim.message.id}: a verdict on a token that was lost was taken`)
      return
    }
    if (verdict.kind === 'begin') {
      claim.begun = true
      return
    }
    session.held.delete(token)
    claim.end = verdict.kind === 'ack' ? 'acked' : 'requeued'
    claim.endedAt = this.#now()
    if (verdict.kind === 'ack') claim.message.gone = 'acked'
    else if (verdict.counted || this.#isFirstFlag(claim.message)) claim.message.faults++
  }

  /** The place gives everything back that the session holds. */
  returned(session: LedgerSession, counted: boolean): void {
    for (const claim of session.held.values()) this.#end(claim, counted)
    session.held.clear()
  }

  /** The broker lost a message, or what it knew of an ack. */
  lost(message: Message): void {
    const entry = this.#byMessage.get(message)
    if (entry !== undefined) entry.gone = 'lost'
  }

  /**
   * What the broker still knows: so many faults at most, and the last claim perhaps not, or not that it had begun. Nothing
   * comes back from a claim that it does not know of, so that is no fault.
   */
  rewound(message: Message, known: { readonly faults: number; readonly held: boolean; readonly begun: boolean }): void {
    const entry = this.#byMessage.get(message)
    if (entry === undefined) return
    entry.rewound = true
    entry.faults = Math.min(entry.faults, known.faults)
    const last = entry.claims.at(-1)
    if (last?.end !== 'open') return
    last.begun &&= known.begun
    if (known.held) return
    this.#end(last, false)
    last.session.held.delete(last.token)
  }

  /** A message comes as if it had come before: whoever gets it cannot know better, and counts one fault. */
  flagged(message: Message): void {
    const entry = this.#byMessage.get(message)
    if (entry !== undefined) entry.faults++
  }

  /** `copy` was published in the place of a message that this session holds. `counted`: it says of itself that it was handed back after a fault. */
  moved(session: LedgerSession, copy: Message, { counted }: { readonly counted: boolean }): void {
    const entry = this.#byMessage.get(copy)
    if (entry === undefined) return
    const { id, retries } = entry
    for (const other of this.attempt(id, retries)) entry.faults = Math.max(entry.faults, other.faults)
    if (counted) entry.faults++
    const held = [...session.held.values()].find(({ message, moved }) => {
      return !moved && message.id === id && message.retries === retries
    })
    if (held !== undefined) held.moved = true
  }

  /** The broker may not know any more what was published. */
  forgetPublishes(): void {
    this.#published.clear()
  }

  find(message: Message): LedgerMessage | undefined {
    return this.#byMessage.get(message)
  }

  unacked(message: Message): void {
    const entry = this.#byMessage.get(message)
    if (entry === undefined) return
    entry.gone = 'no'
    entry.forgottenAcks++
    if (this.#grace === undefined) entry.faults++
  }

  /** A clean return, too, sets the flag, and the first flag counts. */
  #isFirstFlag({ faults }: LedgerMessage): boolean {
    return this.#grace === undefined && faults === 0
  }

  /** It was swept: right only when its holder was gone, dead, or silent for the length of a lease (D22). */
  #returned(claim: LedgerClaim): void {
    const { session, message } = claim
    this.#end(claim, true)
    session.held.delete(claim.token)
    if (this.#grace === undefined || session.goneAt !== undefined) return
    const silent = session.process?.silentSince(this.#now() - this.#grace) ?? false
    if (!silent) this.wrong('I12', message.id, `${message.id}: was taken from '${session.name}', which is alive`)
  }

  /** A store with leases keeps every publish id for a minute at least (D05). */
  #once({ id, publishId, at }: LedgerMessage): void {
    if (this.#grace === undefined) return
    const before = this.#published.get(publishId)
    this.#published.set(publishId, at)
    if (before === undefined || at - before > DEDUPE) return
    this.wrong('I04', id, `${id}: publish ${publishId} was taken twice (D05)`)
  }

  wrong(invariant: string, id: string, what: string): void {
    this.wrongs.push({ invariant, id, what })
  }

  #end(claim: LedgerClaim, counted: boolean): void {
    claim.end = 'returned'
    claim.endedAt = this.#now()
    // The first fault counts for all that was held, each later one for what had begun (D40); AMQP counts them all.
    const begun = claim.begun || claim.message.faults === 0 || this.#grace === undefined
    if (counted && begun) claim.message.faults++
  }
}
