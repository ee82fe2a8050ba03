import type { ChordPart, Fence, ResultBackend } from '../backends/backend.js'
import { BackendError } from '../backends/errors.js'
import type { Address, Connection, Queue, Settled } from '../brokers/broker.js'
import { BrokerError, NotSentError } from '../brokers/errors.js'
import { messageBytes } from '../brokers/virtual/delivery.js'
import { isNested } from '../canvas/result-tuples.js'
import { type BackoffRule, backoff } from '../lib/backoff.js'
import type { Runtime } from '../lib/runtime.js'
import type { EpochMs, Ms, SteadyMs } from '../lib/time.js'
import { attemptNumber } from '../protocol/attempt-number.js'
import { chordError } from '../protocol/chord-error.js'
import type { ChordMemo } from '../protocol/chord-memo.js'
import { type DeadLetterRecord, deadQueue, toDeadLetter } from '../protocol/dead-letter.js'
import { exceptionInfoOf } from '../protocol/exception.js'
import { exceptionRepr } from '../protocol/exception-repr.js'
import type { GroupId, QueueName } from '../protocol/ids.js'
import type { Message } from '../protocol/message.js'
import type { TaskRequest } from '../protocol/request.js'
import type { ExceptionInfo, ResultMeta } from '../protocol/result-meta.js'
import type { Signature } from '../protocol/signature.js'
import { afterFailure, chordEffects, chordFailure } from './aftermath.js'
import { failCanvas, failureOf } from './canvas-effects.js'
import { decided } from './decided.js'
import type { Effect, OutgoingTask, TaskEvent } from './effect.js'
import { replyAddress } from './reply-address.js'
import { latestClaim, type Running, withMostFaults } from './running.js'
import { settleStored } from './settle.js'
import type { SettleContext } from './settle-context.js'
import { isFinal } from './states.js'
import { ackAll, ackAlone, anyCurrent, requeueAll } from './verdicts.js'

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

/** What effects act upon. */
export interface World {
  readonly runtime: Runtime
  readonly backend: ResultBackend | undefined
  /** The connection of the present session; undefined while there is none. */
  live(): Connection | undefined
  outgoing(task: OutgoingTask, context: SettleContext): Outgoing
  emit(event: TaskEvent, running: Running): void
  /** The broker has what `outgoing` made. */
  sent(outgoing: Outgoing): void
  /** What is kept with an open chord (D72). */
  chordMemo(memo: ChordMemo): string | undefined
  errback(signature: Signature, request: TaskRequest, error: ExceptionInfo, traceback: string | undefined): void
  /** Hears how an ack was answered (D21). A function of its own: it is handed on. */
  readonly acked: (settled: Settled) => undefined
  /** May a dead letter of so many bytes be written for this queue (D64)? */
  deadLetterRoom(queue: QueueName, bytes: number): Promise<boolean>
  /** A dead letter was written. */
  buried(record: DeadLetterRecord): void
  /** A store or publish for task (or message) `id` has failed and is tried again. */
  waits(why: string, id: string): void
  /** How long a store or publish may be tried again; asked before each try. */
  writeTimeout(): Ms
  /** After every effect; simulations crash here (F04). */
  afterEffect(effect: Effect, running: Running): Promise<void> | undefined
}

/** A message ready to be published: encoded, addressed, named. */
export interface Outgoing {
  readonly message: Message
  /** Declared first. */
  readonly queue: Queue | undefined
  readonly to: Address
  readonly publishId: string
  readonly notBefore: EpochMs | undefined
}

const WRITE_BACKOFF: BackoffRule = { first: 10, cap: 10_000 }
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

function mayBeLost(running: Running, world: World): boolean {
  return running.robbed || world.live()?.suspect() === true
}

async function askForToken(running: Running, world: World): Promise<Performed | undefined> {
  if (await isOurs(running, world)) return undefined
  world.emit({ type: 'task-returned', why: 'lease-lost' }, running)
  return { kind: 'stale' }
}

/** An answer that took longer says what was so before this process, or the link, had stood still. */
const TOKEN_ANSWER_HOLDS: Ms = 1000
const TOKEN_QUESTIONS = 3

async function isOurs({ deliveries }: Running, { runtime: { clock } }: World): Promise<boolean> {
  for (let questions = 1; ; questions++) {
    const asked = clock.steady()
    if (!(await anyCurrent(deliveries))) return false
    if (clock.steady() - asked < TOKEN_ANSWER_HOLDS || questions >= TOKEN_QUESTIONS) return true
  }
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
    world.runtime.log.error(`Result of ${meta.taskId} could not be stored: ${describe(answer.error)}`)
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
    world.runtime.log.error(`Result of ${running.request.id} could not be read: ${describe(fetched.error)}`)
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
    world.runtime.log.error(`Chord ${part.chord} could not count ${part.taskId}: ${describe(arrived.error)}`)
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
  const why = describe(opened.error)
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
  const sent = await persist(() => send(outgoing, world), running.request.id, running, world)
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

async function send(outgoing: Outgoing, world: World): Promise<void> {
  const connection = world.live()
  if (connection === undefined) {
    throw new NotSentError('LVG_NOT_CONNECTED', 'The worker is not connected to its broker.', { transient: true })
  }
  if (outgoing.queue !== undefined) await connection.declare({ queues: [outgoing.queue] })
  const { publishId, notBefore } = outgoing
  await connection.publish(outgoing.message, outgoing.to, {
    publishId,
    ...(notBefore === undefined ? {} : { notBefore }),
  })
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
    `Task ${request.task}[${request.id}]: ${task.kind} could not be published: ${describe(error)}`,
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

/** Also used for messages that never became a request, and so are not `running`. */
export async function writeDeadLetter(
  message: Message,
  record: DeadLetterRecord,
  publishId: string,
  running: Running | undefined,
  world: World,
): Promise<'written' | 'full' | 'failed'> {
  const queue = deadQueue(record.queue)
  const letter = toDeadLetter(message, record)
  if (!(await world.deadLetterRoom(record.queue, messageBytes(letter)))) return 'full'
  const outgoing: Outgoing = {
    message: letter,
    queue: { name: queue, durable: true },
    to: { exchange: '', routingKey: queue },
    publishId,
    notBefore: undefined,
  }
  const sent = await persist(() => send(outgoing, world), publishId, running, world)
  if (sent.kind === 'done') {
    world.buried(record)
    return 'written'
  }
  if (sent.kind === 'impossible') {
    world.runtime.log.critical(`Dead letter for ${record.queue} could not be written: ${describe(sent.error)}`)
  }
  return 'failed'
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

type Persisted<T> =
  | { readonly kind: 'done'; readonly value: T }
  /** Waiting does not help. */
  | { readonly kind: 'impossible'; readonly error: unknown }
  /** It may work one day, but not within the time given, or not while the message is ours. */
  | { readonly kind: 'late'; readonly error: unknown }

/**
 * Tries until it works, cannot work, the message is somebody else's, or `writeTimeout` is over: 10 ms doubling to 10 s
 * between tries, with jitter. A single try needs no deadline: every port operation settles at the latest when its connection
 * is found dead.
 */
async function persist<T>(
  act: () => Promise<T>,
  id: string,
  running: Running | undefined,
  world: World,
): Promise<Persisted<T>> {
  const began = world.runtime.clock.steady()
  try {
    return { kind: 'done', value: await act() }
  } catch (error) {
    return tryAgain(error, began, act, id, running, world)
  }
}

/** `persist`, from its first failure on. */
async function tryAgain<T>(
  first: unknown,
  began: SteadyMs,
  act: () => Promise<T>,
  id: string,
  running: Running | undefined,
  world: World,
): Promise<Persisted<T>> {
  const { clock, random } = world.runtime
  let error = first
  for (let tries = 0; ; tries++) {
    if (!isTransient(error)) return { kind: 'impossible', error }
    const left = began + world.writeTimeout() - clock.steady()
    if (left <= 0) return { kind: 'late', error }
    if (tries === 0) world.waits(describe(error), id)
    await clock.sleep(Math.min(backoff(tries, WRITE_BACKOFF, random), left))
    if (running !== undefined && (await isLost(running, world))) return { kind: 'late', error }
    try {
      return { kind: 'done', value: await act() }
    } catch (next) {
      error = next
    }
  }
}

/**
 * D25, while a write is tried again and again: is the message somebody else's by now? One that was acked is nobody's. The end
 * of an execution may still be told when its connection is gone, as its redelivery may be adopted yet (D46); a refusal
 * (revoked, expired, …) is worth nothing then: whoever has the message decides anew.
 */
async function isLost(running: Running, world: World): Promise<boolean> {
  if (running.verdict === 'ack') return false
  if (running.execution !== undefined && !mayBeLost(running, world)) return false
  return !(await isOurs(running, world))
}

/** What is thrown before there is a promise, as its rejection. */
function tried<T>(act: () => Promise<T>): Promise<T> {
  try {
    return act()
  } catch (error) {
    return Promise.reject(error)
  }
}

function isTransient(error: unknown): boolean {
  return (error instanceof BrokerError || error instanceof BackendError) && error.transient
}

function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error)
}
