import type { ResultBackend } from '../backends/backend.js'
import type { QuietChord, QuietClaim } from '../backends/quiet-chord.js'
import { everyoneIn } from '../canvas/ends.js'
import type { Runtime } from '../lib/runtime.js'
import type { Ms } from '../lib/time.js'
import { chordError } from '../protocol/chord-error.js'
import { type ChordMemo, decodeChordMemo } from '../protocol/chord-memo.js'
import type { Codec } from '../protocol/codec.js'
import type { GroupId, TaskId } from '../protocol/ids.js'
import type { ResultMeta } from '../protocol/result-meta.js'
import type { Signature } from '../protocol/signature.js'
import { signatureChord, signatureNesting, signatureTaskId } from '../protocol/signature-options.js'
import { bodyOfChord, chordEffects, chordFailure } from './aftermath.js'
import type { Companion } from './companion.js'
import type { Effect } from './effect.js'
import type { SettleContext } from './settle-context.js'
import { isFinal } from './states.js'

export interface ChordSweepParts {
  readonly runtime: Runtime
  readonly backend: ResultBackend
  readonly codec: Codec
  /** Setting `chordTimeout`. */
  readonly timeout: Ms
  /** Setting `chordSweepInterval`: so often the store is asked, and so long must a chord be quiet. */
  readonly interval: Ms
  readonly chordLife: Ms | undefined
  /**
   * Performs what the last of the chord's parts, `part`, would have led to. Effects are tried once; false = they could not be told.
   */
  perform(part: TaskId, memo: ChordMemo, effects: (context: SettleContext) => readonly Effect[]): Promise<boolean>
}

/** Nobody asks more often. */
const LEAST: Ms = 1000
/** Part of `chordTimeout` that the interval may take. */
const SHARE = 30
/** A chord that waits is looked at ever more seldom, at last so often. */
const SELDOM: Ms = 600_000
/** Chords that are told together, and in one turn. */
const TOGETHER = 20
const TURNS = 50
/** Records that are read at the same time. */
const READS = 100

type Records = ReadonlyMap<TaskId, ResultMeta>
const NO_RECORDS: Records = new Map()

/**
 * Ends chords whose end was lost (D72): of two workers that died, one between the store of a part's result and its count, the other
 * between the last count and the body. Every worker asks the store, which gives each such chord to one of them at a time. A chord of
 * which nothing was heard for `chordTimeout` fails, so that nobody waits for a part that was never sent (H54).
 */
export class ChordSweep implements Companion {
  readonly name = 'chords'
  readonly #parts: ChordSweepParts

  constructor(parts: ChordSweepParts) {
    this.#parts = parts
  }

  async join(): Promise<AsyncDisposable> {
    const leave = new AbortController()
    void this.#sweep(leave.signal)
    return {
      async [Symbol.asyncDispose]() {
        // At once: a connection that was lost is not made anew before all have left, and a store may keep its askers waiting.
        leave.abort()
      },
    }
  }

  /** Never rejects. */
  async #sweep(signal: AbortSignal): Promise<void> {
    const { runtime, timeout, interval } = this.#parts
    const every = Math.max(LEAST, Math.min(interval, timeout / SHARE))
    const claim: QuietClaim = { quiet: every, hold: every, most: SELDOM, limit: TOGETHER }
    while (!signal.aborted) {
      // Workers that were started together shall not ask together.
      const pause = every * (0.75 + runtime.random.next() / 2)
      await runtime.clock.sleep(pause, signal).catch(() => undefined)
      if (!signal.aborted) await this.#look(claim, signal)
    }
  }

  async #look(claim: QuietClaim, signal: AbortSignal): Promise<void> {
    const { backend, runtime } = this.#parts
    for (let turn = 0; turn < TURNS && !signal.aborted; turn++) {
      let found: readonly QuietChord[] = []
      try {
        found = (await backend.claimQuietChords?.(claim)) ?? []
      } catch (error) {
        runtime.log.debug(`Quiet chords could not be looked for: ${textOf(error)}`)
      }
      for (const chord of found) if (!signal.aborted) await this.#end(chord)
      if (found.length < claim.limit) return
    }
  }

  async #end(found: QuietChord): Promise<void> {
    const { runtime, codec } = this.#parts
    try {
      await this.#judge(found, decodeChordMemo(found.memo, codec))
    } catch (error) {
      runtime.log.error(`Chord ${found.chord} is quiet, and cannot be helped: ${textOf(error)}`)
    }
  }

  async #judge({ chord, quiet, count }: QuietChord, memo: ChordMemo): Promise<void> {
    const { timeout } = this.#parts
    if (count.kind === 'complete') return this.#finish(chord, count.parts, count.foreign, memo)
    if (count.kind === 'unreadable') return this.#fail(chord, `Join error: ${count.error.message}`, memo)
    const there = new Set(count.arrived)
    const missing = memo.ends.filter(({ id }) => !there.has(id))
    const counted = await this.#count(chord, missing, memo)
    if (counted.parts !== undefined) return this.#finish(chord, counted.parts, false, memo)
    if (quiet < timeout || counted.some) return
    const open = Math.max(1, count.size - count.arrived.length)
    return this.#fail(chord, `${open} of ${count.size} parts have not ended within ${timeout / 1000} s`, memo)
  }

  /** Parts whose end is stored and which nobody has counted. */
  async #count(
    chord: GroupId,
    missing: ChordMemo['ends'],
    { body }: ChordMemo,
  ): Promise<{ readonly some: boolean; readonly parts: readonly ResultMeta[] | undefined }> {
    const { backend, chordLife, runtime } = this.#parts
    let some = false
    for (let at = 0; at < missing.length; at += READS) {
      const ends = missing.slice(at, at + READS)
      const metas = await Promise.all(ends.map(({ id }) => backend.fetch(id)))
      for (const [n, { id: taskId, index }] of ends.entries()) {
        const meta = metas[n]
        if (meta === undefined || !isFinal(meta.status)) continue
        runtime.log.warning(`Task ${taskId} had ended as ${meta.status}, and its chord ${chord} had not heard of it.`)
        const arrival = await backend.arrive({ chord, index, taskId, meta, size: body.chordSize }, chordLife)
        some = true
        if (arrival.kind === 'complete') return { some, parts: arrival.parts }
        if (arrival.kind === 'closed') return { some, parts: undefined }
      }
    }
    return { some, parts: undefined }
  }

  async #finish(chord: GroupId, parts: readonly ResultMeta[], foreign: boolean, memo: ChordMemo): Promise<void> {
    const { runtime } = this.#parts
    const failed = parts.some(part => part.status !== 'SUCCESS')
    const records = failed && !foreign ? NO_RECORDS : await this.#records(bodyOfChord(chord, memo.body))
    const isTold = failed && [...records.values()].some(({ status }) => isFinal(status))
    const isDone = isTold ? isToldByOthers : failed ? isNever : isSent
    let isLeft = false
    const ending = (context: SettleContext): readonly Effect[] => {
      const left = chordEffects(chord, parts, memo.body, context).filter(effect => !isDone(effect, records))
      isLeft = left.some(({ kind }) => kind !== 'close-chord')
      return left
    }
    const told = await this.#parts.perform(parts.at(-1)?.taskId ?? lastOf(chord, memo), memo, ending)
    if (!told || !isLeft) return
    const undone = isTold
      ? 'had failed, and told no chord that waits for its body'
      : 'was complete, and nobody had sent all of its body'
    runtime.log.warning(`Chord ${chord} ${undone}: that is done now.`)
  }

  /** Of all tasks of a body of which there is any record. */
  async #records(body: Signature): Promise<Records> {
    const ids = everyoneIn(body).flatMap(one => signatureTaskId(one) ?? [])
    const records = new Map<TaskId, ResultMeta>()
    for (let at = 0; at < ids.length; at += READS) {
      const metas = await Promise.all(ids.slice(at, at + READS).map(id => this.#parts.backend.fetch(id)))
      for (const meta of metas) if (meta !== undefined) records.set(meta.taskId, meta)
    }
    return records
  }

  async #fail(chord: GroupId, why: string, memo: ChordMemo): Promise<void> {
    const failing = (context: SettleContext): readonly Effect[] =>
      chordFailure(chord, chordError(why), memo.body, context)
    const told = await this.#parts.perform(lastOf(chord, memo), memo, failing)
    if (told) this.#parts.runtime.log.error(`Chord ${chord} failed: ${why}`)
  }
}

/**
 * Celery stores the error of a chord under the id of its body, and calls the errbacks. A chord of which that body is a part hears
 * nothing of it. Source: celery/backends/base.py `chord_error_from_stack`.
 */
function isToldByOthers(effect: Effect, records: Records): boolean {
  if (effect.kind === 'arrive' || effect.kind === 'close-chord') return false
  if (effect.kind !== 'store') return true
  const known = records.get(effect.meta.taskId)
  return known !== undefined && isFinal(known.status)
}

function isNever(): boolean {
  return false
}

/**
 * A message was sent when there is any record of its task, or of what comes after that: a later step of its chain, the body of its
 * chord. Others of the same body tell nothing of it: whoever sent them may have died between the two.
 */
function isSent(effect: Effect, records: Records): boolean {
  if (effect.kind === 'open-chord') return isKnown(effect.body, records)
  if (effect.kind !== 'publish' || effect.task.kind !== 'signature') return false
  const { signature } = effect.task
  const body = signatureChord(signature)
  return isKnown(signature, records) || (body !== undefined && isKnown(body, records))
}

function isKnown(signature: Signature, records: Records): boolean {
  return everyoneIn(signature).some(one => {
    const id = signatureTaskId(one)
    const meta = id === undefined ? undefined : records.get(id)
    return meta !== undefined && isOf(one, meta)
  })
}

/**
 * Under the id of a task that takes another one's place, that one has left records, too: that it had begun, or was to be tried
 * again, which say whose they are. An end it has none.
 */
function isOf(signature: Signature, { status, nesting = 0 }: ResultMeta): boolean {
  return isFinal(status) || nesting >= signatureNesting(signature)
}

/** As whose consequence the end is told: a part's; where none is known, the chord's own. */
function lastOf(chord: GroupId, { ends }: ChordMemo): TaskId {
  return ends.at(-1)?.id ?? (chord as string as TaskId)
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
