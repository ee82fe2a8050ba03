import type { ChordPart, Fence } from '../backends/backend.js'
import { BackendError } from '../backends/errors.js'
import { isNested } from '../canvas/result-tuples.js'
import { errorText } from '../lib/error-text.js'
import type { Ms } from '../lib/time.js'
import { attemptNumber } from '../protocol/attempt-number.js'
import { chordError } from '../protocol/chord-error.js'
import { type DeadLetterRecord, deadQueue } from '../protocol/dead-letter.js'
import { exceptionInfoOf } from '../protocol/exception.js'
import { exceptionRepr } from '../protocol/exception-repr.js'
import type { GroupId } from '../protocol/ids.js'
import type { ResultMeta } from '../protocol/result-meta.js'
import type { Signature } from '../protocol/signature.js'
import { afterFailure, chordEffects, chordFailure } from './aftermath.js'
import { failCanvas, failureOf } from './canvas-effects.js'
import { decided } from './decided.js'
import type { Effect, OutgoingTask } from './effect.js'
import { type Persisted, persist, tried, tryAgain } from './persist.js'
import { replyAddress } from './reply-address.js'
import { latestClaim, type Running, withMostFaults } from './running.js'
import { sendOutgoing } from './send-outgoing.js'
import { settleStored } from './settle.js'
import type { SettleContext } from './settle-context.js'
import { isFinal } from './states.js'
import { isOurs, mayBeLost } from './token.js'
import { ackAll, ackAlone, requeueAll } from './verdicts.js'
import type { Outgoing, World } from './world.js'
import { writeDeadLetter } from './write-dead-letter.js'

/*
 * The interpreter of effects: the only place where a worker changes the world. Effects are carried out one after
 * another, each confirmed before the next begins (reliability §4). A list ends early in four ways:
 *
 * - `stale`: the delivery is somebody else's now; whoever has it tells the rest.
 * - `handed-back`: a store or a publish stayed impossible for `resultWriteTimeout` and the message is unacked: it goes
 *   back, so another worker, or this one later, tells the rest (D47).
 * - `untold`: the same, but the message was acked early, so it cannot go back: the caller keeps its end in the spool.
 * - `unstorable`: the value cannot be serialised or is too large: nothing has been done yet, the caller settles anew.
 */
export type Performed =
  | { readonly kind: 'done' }
  | { readonly kind: 'stale' }
  | { readonly kind: 'handed-back' }
  | { readonly kind: 'untold' }
  | { readonly kind: 'unstorable'; readonly error: unknown }

const DONE: Performed = { kind: 'done' }

export async function perform(
  effects: readonly Effect[],
  running: Running,
  context: SettleContext,
  world: World,
): Promise<Performed> {
  for (const effect of effects) {
    // Most effects of most tasks are done at once; awaiting those, too, would double the promises of the hot path.
    const begun = performOne(effect, running, context, world)
    const performed = begun === undefined ? undefined : await begun
    if (performed !== undefined) return performed
    const crash = world.afterEffect(effect, running)
    if (crash !== undefined) await crash
  }
  return DONE
}

/** Undefined, at once or in the end = go on with the next effect. */
function performOne(
  effect: Effect,
  running: Running,
  context: SettleContext,
  world: World,
): Promise<Performed | undefined> | undefined {
  switch (effect.kind) {
    case 'check-token':
      return checkToken(running, world)
    case 'store':
      return store(effect.meta, effect.ttl, effect.own, running, context, world)
    case 'arrive':
      return arrive(effect.part, effect.body, effect.ttl, running, context, world)
    case 'open-chord':
      return openChord(effect, running, context, world)
    case 'close-chord':
      return closeChord(effect.chord, running, world)
    case 'publish':
      return publishTask(effect.task, running, context, world)
    case 'errback':
      world.errback(effect.signature, running.request, effect.error, effect.traceback)
      return undefined
    case 'dead-letter':
      return deadLetter(effect.record, effect.publishId, running, world)
    case 'emit':
      world.emit(effect.event, running)
      return undefined
    case 'ack':
      return ackEach(running, world)
    case 'requeue':
      return requeue(running, effect.counted, effect.delay)
    default:
      effect satisfies never
      return undefined
  }
}

/** D25: only who may have lost its lease asks; a token that is lost ends the list before any effect. */
function checkToken(running: Running, world: World): Promise<Performed | undefined> | undefined {
  // What was acked early has none to ask for.
  return running.verdict !== 'ack' && mayBeLost(running, world) ? askForToken(running, world) : undefined
}

async function askForToken(running: Running, world: World): Promise<Performed | undefined> {
  if (await isOurs(running, world)) return undefined
  world.emit({ type: 'task-returned', why: 'lease-lost' }, running)
  return { kind: 'stale' }
}

interface Write {
  readonly meta: ResultMeta
  readonly ttl: Ms | undefined
  /** Of this task, by this attempt. */
  readonly own: boolean
  readonly fence: Fence | undefined
}

/**
 * Nearly every task of a worker comes through here and is stored at once: for those, as few promises as there can be.
 *
 * `claim`: what it is written under. An execution tells its end under the claim that it began with, though it may have adopted later
 * ones: what others have told of the message meanwhile, its refusal as poison among them, comes first.
 */
function store(
  meta: ResultMeta,
  ttl: Ms | undefined,
  own: boolean,
  running: Running,
  context: SettleContext,
  world: World,
  claim: number = running.begunUnder ?? latestClaim(running),
): Promise<Performed | undefined> | undefined {
  const { backend } = world
  if (backend === undefined) return undefined
  const fence = own ? { retries: attemptNumber(running.request), claim } : undefined
  const reply = replyAddress(running.request, meta.taskId)
  const began = world.runtime.clock.steady()
  const act = (): Promise<'stored' | 'refused'> => backend.store(meta, { ttl, fence, reply })
  return tried(act).then(
    value => (value === 'stored' ? undefined : stored({ kind: 'done', value }, write(), running, context, world)),
    async error =>
      stored(await tryAgain(error, began, act, meta.taskId, running, world), write(), running, context, world),
  )
  function write(): Write {
    return { meta, ttl, own, fence }
  }
}

async function stored(
  answer: Persisted<'stored' | 'refused'>,
  { meta, ttl, own, fence }: Write,
  running: Running,
  context: SettleContext,
  world: World,
): Promise<Performed | undefined> {
  if (answer.kind === 'done') {
    if (answer.value !== 'refused' || (!own && meta.taskId !== running.request.id)) return undefined
    // The later attempt is over, too, and its message came back to us meanwhile: now we are the latest.
    const isLatest = fence !== undefined && latestClaim(running) > fence.claim
    const after = await refused(running, isLatest, context, world)
    if (after.kind !== 'outrun') return after
    return isLatest ? store(meta, ttl, own, running, context, world, latestClaim(running)) : outrun(running)
  }
  if (answer.kind === 'impossible') {
    if (own && meta.status === 'SUCCESS') return { kind: 'unstorable', error: answer.error }
    world.runtime.log.error(`Result of ${meta.taskId} could not be stored: ${errorText(answer.error)}`)
    return undefined
  }
  return giveUp(running, world, 'the result could not be stored')
}

/**
 * A later attempt has written already. Is its state final, what follows it is performed here as well (the ids are the
 * same, so nothing happens twice), and so is the retry it decided on when its message came back to us (`isLatest`); otherwise
 * whoever is the latest will tell.
 */
async function refused(
  running: Running,
  isLatest: boolean,
  context: SettleContext,
  world: World,
): Promise<Performed | { readonly kind: 'outrun' }> {
  const fetched = await persist(
    async () => world.backend?.fetch(running.request.id),
    running.request.id,
    running,
    world,
  )
  // What is stored may be this attempt's own end, and then nobody else tells what follows it.
  if (fetched.kind === 'late') return giveUp(running, world, 'the stored result could not be read')
  if (fetched.kind === 'impossible') {
    world.runtime.log.error(`Result of ${running.request.id} could not be read: ${errorText(fetched.error)}`)
  }
  const stored = fetched.kind === 'done' ? fetched.value : undefined
  if (stored !== undefined && (isLatest ? decided(stored, running.request) : isFinal(stored.status))) {
    const now = { ...context, delivery: withMostFaults(context.delivery, running) }
    return perform(settleStored(stored, now), running, now, world)
  }
  return { kind: 'outrun' }
}

/**
 * The later attempt will tell: this message is done. No verdict is left behind: what is adopted while the ack is under way is
 * that attempt's own message, come back because it died, and goes back.
 */
async function outrun(running: Running): Promise<Performed> {
  if (running.late) await ackAll([...running.deliveries])
  return { kind: 'stale' }
}

async function arrive(
  part: ChordPart,
  body: Signature,
  ttl: Ms | undefined,
  running: Running,
  context: SettleContext,
  world: World,
): Promise<Performed | undefined> {
  const { backend } = world
  if (backend === undefined) return undefined
  const arrived = await persist(() => backend.arrive(part, ttl), running.request.id, running, world)
  if (arrived.kind === 'impossible') {
    world.runtime.log.error(`Chord ${part.chord} could not count ${part.taskId}: ${errorText(arrived.error)}`)
    return undefined
  }
  if (arrived.kind === 'late') return giveUp(running, world, 'the chord could not be counted')
  if (arrived.value.kind !== 'complete') return undefined
  const performed = await perform(chordEffects(part.chord, arrived.value.parts, body, context), running, context, world)
  return performed.kind === 'done' ? undefined : performed
}

/** The tree of results is kept where groups stand within the header: the body then gets lists within its list. */
async function openChord(
  { chord, parts, header, body, ends, ttl }: Effect & { readonly kind: 'open-chord' },
  running: Running,
  context: SettleContext,
  world: World,
): Promise<Performed | undefined> {
  const { backend } = world
  const { rootId, priority } = running.request
  const memo = world.chordMemo({ body, ends, rootId, priority })
  const opened = await persist(
    async () => {
      if (backend === undefined)
        throw new BackendError('LVG_NO_RESULT_BACKEND', 'No result backend counts its parts.', { transient: false })
      if (isNested(header)) await backend.saveGroup({ id: chord, parent: undefined, members: header }, ttl)
      await backend.setChordSize(chord, parts, ttl, memo)
    },
    running.request.id,
    running,
    world,
  )
  if (opened.kind === 'done') return undefined
  if (opened.kind === 'late') return giveUp(running, world, 'the chord could not be opened')
  const why = errorText(opened.error)
  world.runtime.log.error(`Chord ${chord} could not be opened: ${why}`)
  const performed = await perform(chordFailure(chord, chordError(why), body, context), running, context, world)
  return performed.kind === 'done' ? undefined : performed
}

async function closeChord(chord: GroupId, running: Running, world: World): Promise<Performed | undefined> {
  const closed = await persist(async () => world.backend?.close(chord), running.request.id, running, world)
  return closed.kind === 'late' ? giveUp(running, world, 'the chord could not be closed') : undefined
}

async function publishTask(
  task: OutgoingTask,
  running: Running,
  context: SettleContext,
  world: World,
): Promise<Performed | undefined> {
  let outgoing: Outgoing
  try {
    outgoing = world.outgoing(task, context)
  } catch (error) {
    return unpublishable(task, error, running, context, world)
  }
  const { publishId } = outgoing
  if (running.sentBefore?.has(publishId) === true) return undefined
  const sent = await persist(() => sendOutgoing(outgoing, world), running.request.id, running, world)
  if (sent.kind === 'done') {
    world.sent(outgoing)
    if (running.verdict === 'ack') {
      running.sent ??= new Set()
      running.sent.add(publishId)
    }
    return undefined
  }
  if (sent.kind === 'impossible') return unpublishable(task, sent.error, running, context, world)
  return giveUp(running, world, 'what follows could not be published')
}

/**
 * What should follow can never be published (no route, not serialisable): everybody who waits for it is told. A retry: the
 * task fails, with all that follows a failure, and its message goes to the dead-letter place.
 */
async function unpublishable(
  task: OutgoingTask,
  error: unknown,
  running: Running,
  context: SettleContext,
  world: World,
): Promise<Performed | undefined> {
  const { error: info, traceback } = exceptionInfoOf(error)
  const { request } = running
  world.runtime.log.error(
    `Task ${request.task}[${request.id}]: ${task.kind} could not be published: ${errorText(error)}`,
  )
  const failure = { ...failureOf(info, context, traceback), children: [] }
  const effects: readonly Effect[] =
    task.kind === 'signature'
      ? failCanvas(task.signature, failure, context)
      : [
          { kind: 'store', meta: failure, ttl: context.policy.resultExpires, own: false },
          ...afterFailure(info, failure, context),
        ]
  const performed = await perform(effects, running, context, world)
  if (performed.kind !== 'done') return performed
  if (task.kind !== 'retry') return undefined
  return deadLetter(
    { ...deadRecord(context), reason: 'unroutable-retry', detail: exceptionRepr(info) },
    `${task.publishId}:dead`,
    running,
    world,
  )
}

function deadRecord(context: SettleContext): Omit<DeadLetterRecord, 'reason' | 'detail'> {
  const { delivery, now, worker } = context
  const { queue, exchange, routingKey, faults, enqueuedAt } = delivery
  return { queue, exchange, routingKey, deliveries: faults, firstSeen: enqueuedAt, diedAt: now, worker }
}

/** D61, D64: confirmed before anything else happens to the message; when the place is full, the message stays where it is. */
async function deadLetter(
  record: DeadLetterRecord,
  publishId: string,
  running: Running,
  world: World,
): Promise<Performed | undefined> {
  const written = await writeDeadLetter(running.request.message, record, publishId, running, world)
  if (written === 'written') return undefined
  return giveUp(
    running,
    world,
    written === 'full' ? `${deadQueue(record.queue)} is full` : 'the dead letter could not be written',
  )
}

function ackEach(running: Running, world: World): Promise<undefined> {
  running.verdict = 'ack'
  const [only, another] = running.deliveries
  if (only !== undefined && another === undefined) return ackAlone(only, world.acked)
  return ackAll(running.deliveries).then(all => {
    for (const settled of all) world.acked(settled)
    return undefined
  })
}

async function requeue(running: Running, counted: boolean, delay: Ms | undefined): Promise<undefined> {
  running.verdict = 'requeue'
  await requeueAll(running.deliveries, { counted, delay })
  return undefined
}

/** D47: what is unacked goes back; what was acked early is left to the spool. */
async function giveUp(running: Running, world: World, why: string): Promise<Performed> {
  if (running.verdict === 'ack') return { kind: 'untold' }
  world.emit({ type: 'task-returned', why }, running)
  await requeue(running, false, HAND_BACK_DELAY)
  return { kind: 'handed-back' }
}

/** A message handed back for want of a store does not come back at once: the want lasts. */
const HAND_BACK_DELAY: Ms = 5000
