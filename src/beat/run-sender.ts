import type { EpochMs, Ms } from '../lib/time.js'
import type { BeatParts } from './beat-parts.js'
import { jitterOf, runId } from './decide.js'
import { decideRow } from './decide-row.js'
import type { Entry, EntryState } from './entry.js'
import type { LateEntries } from './late-entries.js'
import type { Row } from './row.js'
import { wordsOf } from './words-of.js'

/** A run that could not be sent, or waits for the run before it, is tried again after. */
export const AGAIN_AFTER: Ms = 1000
/** Open runs that are remembered of one entry. */
const OPEN_MOST = 20

type SendingParts = Pick<BeatParts, 'runtime' | 'send' | 'ends' | 'cancel' | 'observe'>

/** What sending runs needs of the term that it is done in. */
export interface RunTerm {
  readonly late: Pick<LateEntries, 'add'>
  /** False: the term is over, or the beat stops. */
  acts(): boolean
  /** Remembers the state of an entry. Resolves when it is written, or nobody of this term may write any more. */
  save(name: string, row: Row, state: EntryState): Promise<void>
  /** A run was sent and remembered. */
  sent(name: string, row: Row, instant: EpochMs): void
}

/** Sends runs of entries, one due time after another. */
export class RunSender {
  readonly #parts: SendingParts
  readonly #term: RunTerm

  constructor(parts: SendingParts, term: RunTerm) {
    this.#parts = parts
    this.#term = term
  }

  /**
   * Deals with one due time. The answer: look again so much later, undefined = when it is due next. Rejects with what asking for the
   * ends of earlier runs does.
   */
  async deal(name: string, row: Row): Promise<Ms | undefined> {
    const { clock, log } = this.#parts.runtime
    const decision = decideRow(name, row, clock.now(), log)
    if (decision?.kind === 'miss') {
      log.warning(`Schedule entry ${name} was not sent: ${decision.why}.`)
      return await this.#save(name, row, { ...row.state, last: decision.instant })
    }
    if (decision?.kind !== 'send') return undefined
    const before = await this.#lookBack(name, row)
    if (before === 'disabled') return undefined
    if (before === 'open' && row.entry.overlap === 'queue') return AGAIN_AFTER
    if (before === 'open' && row.entry.overlap === 'skip') {
      log.info(`Schedule entry ${name} was not sent: the run before has not ended.`)
      return await this.#save(name, row, { ...row.state, last: decision.instant })
    }
    if (before === 'open' && row.entry.overlap === 'cancel') {
      for (const run of row.state.open) await this.#parts.cancel(row.entry, run)
    }
    return await this.#send(name, row, decision.instant)
  }

  /** Learns how earlier runs ended, for entries that ask for it. */
  async #lookBack(name: string, row: Row): Promise<'free' | 'open' | 'disabled'> {
    const { entry, state } = row
    if (!looksBack(entry) || state.open.length === 0) return 'free'
    const ends = await this.#parts.ends(entry, state.open, state.sentAt)
    if (ends === undefined) return 'free'
    const open = state.open.filter((_, i) => ends[i] === 'open')
    const failures = ends.reduce((n, end) => (end === 'failed' ? n + 1 : end === 'good' ? 0 : n), state.failures)
    row.state = { ...state, open, failures }
    if (entry.failureThreshold !== undefined && failures >= entry.failureThreshold) {
      const disabled = `${failures} runs in a row have failed`
      this.#parts.runtime.log.error(`Schedule entry ${name} is disabled: ${disabled}. Resume it when that is mended.`)
      await this.#save(name, row, { ...row.state, disabled })
      return 'disabled'
    }
    return open.length > 0 ? 'open' : 'free'
  }

  /** Publish, confirmed; then remember (D91). */
  async #send(name: string, row: Row, instant: EpochMs): Promise<Ms | undefined> {
    const { runtime } = this.#parts
    const { entry } = row
    const id = runId(entry, instant)
    if (!this.#term.acts()) return undefined
    let run = id
    let error: string | undefined
    try {
      run = await this.#parts.send(entry, id, instant)
      const late = runtime.clock.now() - instant - jitterOf(entry, instant)
      runtime.log.info(`Schedule entry ${name} sent: ${entry.task}[${id}]`, { entry: name, late })
      this.#parts.observe({ type: 'beat-sent', fields: { entry: name, task: entry.task, id, late } })
    } catch (problem) {
      if (isTransient(problem)) {
        this.#term.late.add(name, instant)
        runtime.log.warning(`Schedule entry ${name} could not be sent: ${wordsOf(problem)} Tried again in 1 s.`)
        return AGAIN_AFTER
      }
      error = wordsOf(problem)
      runtime.log.error(`Schedule entry ${name} cannot be sent: ${error} This run is lost; the others go on.`)
    }
    const { state } = row
    const next: EntryState =
      error !== undefined
        ? { ...state, last: instant, error }
        : {
            ...state,
            last: instant,
            runs: state.runs + 1,
            open: looksBack(entry) ? [...state.open, run].slice(-OPEN_MOST) : [],
            lastId: id,
            sentAt: runtime.clock.now(),
            error: undefined,
          }
    await this.#save(name, row, next)
    if (error === undefined) this.#term.sent(name, row, instant)
    return undefined
  }

  async #save(name: string, row: Row, state: EntryState): Promise<undefined> {
    await this.#term.save(name, row, state)
    return undefined
  }
}

function looksBack({ overlap, failureThreshold }: Entry): boolean {
  return overlap !== 'allow' || failureThreshold !== undefined
}

/** The same publish may succeed later. */
function isTransient(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'transient' in error && error.transient === true
}
