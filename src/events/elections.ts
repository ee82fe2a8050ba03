import type { ReceivedEvent } from './received-event.js'

/** One worker's candidature, as its `worker-elect` told it. */
export interface Candidature {
  readonly clock: number
  /** `<node name>.<process id>`. */
  readonly candidate: string
  readonly topic: string
  readonly action: unknown
}

interface Ballot {
  readonly candidatures: Candidature[]
  /** Node names that have acknowledged. */
  readonly acks: Set<string>
  /** We stand for it: acks count. */
  standing: boolean
}

/** Ballots that are remembered; an election that nobody ends must not stay for ever. */
const MOST_BALLOTS = 1000
const MOST_CANDIDATES = 5000

/**
 * Elections among workers: each stands, hears the others' candidatures, and knows the winner by itself: the lowest clock, on
 * equal clocks the lowest name. Source: celery/worker/consumer/gossip.py `Gossip`, without its defect: a worker that is alone
 * wins, where Celery's ends with an error.
 */
export class Elections {
  readonly #ballots = new Map<string, Ballot>()

  /** We stand for this one. */
  stand(id: string): void {
    this.#ballot(id).standing = true
  }

  /** False: it is no candidature that all can count. */
  candidature(event: ReceivedEvent): boolean {
    const id = electionOf(event)
    const { topic, action, cver } = event.fields
    if (id === undefined || event.pid === undefined || typeof topic !== 'string') return false
    if (action === undefined || cver === undefined) return false
    const { candidatures } = this.#ballot(id)
    const candidate = `${event.hostname}.${event.pid}`
    if (candidatures.length >= MOST_CANDIDATES || candidatures.some(one => one.candidate === candidate)) return true
    candidatures.push({ clock: event.clock, candidate, topic, action })
    return true
  }

  acknowledged(event: ReceivedEvent): void {
    const id = electionOf(event)
    if (id !== undefined) this.#ballots.get(id)?.acks.add(event.hostname)
  }

  /** Of an election for which we stand, once: when all others that live have acknowledged, and every candidature is here. */
  winner(id: string, othersAlive: number): Candidature | undefined {
    const ballot = this.#ballots.get(id)
    if (ballot === undefined || !ballot.standing) return undefined
    const { acks, candidatures } = ballot
    // Celery decides by the acks alone. They may outrun candidatures, and then each of two workers takes itself for the winner.
    if (acks.size < othersAlive || candidatures.length <= othersAlive) return undefined
    this.#ballots.delete(id)
    return candidatures.reduce<Candidature | undefined>(better, undefined)
  }

  #ballot(id: string): Ballot {
    let ballot = this.#ballots.get(id)
    if (ballot === undefined) {
      ballot = { candidatures: [], acks: new Set(), standing: false }
      this.#ballots.set(id, ballot)
      for (const oldest of this.#ballots.keys()) {
        if (this.#ballots.size <= MOST_BALLOTS) break
        this.#ballots.delete(oldest)
      }
    }
    return ballot
  }
}

function better(a: Candidature | undefined, b: Candidature): Candidature {
  if (a === undefined) return b
  if (a.clock !== b.clock) return a.clock < b.clock ? a : b
  return a.candidate <= b.candidate ? a : b
}

function electionOf(event: ReceivedEvent): string | undefined {
  const { id } = event.fields
  return typeof id === 'string' && id !== '' && id.length <= 255 ? id : undefined
}
