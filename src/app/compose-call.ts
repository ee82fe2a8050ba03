import { parseDuration } from '../lib/duration.js'
import type { Runtime } from '../lib/runtime.js'
import type { EpochMs, Ms } from '../lib/time.js'
import { uuid4 } from '../lib/uuid.js'
import type { TaskCall } from '../protocol/encode-task.js'
import type { GroupId, TaskId, TaskName } from '../protocol/ids.js'
import type { Limits } from '../protocol/limits.js'
import { RawList } from '../protocol/raw-list.js'
import type { Kwargs, Signature } from '../protocol/signature.js'
import { signatureFromDict } from '../protocol/signature-dict.js'
import { badOption, type CallOptions } from './call-options.js'
import type { RouteOptions } from './route.js'

import type { Destination, Router } from './router.js'
import { callOptionsOf } from './set-options.js'
import { deliveryMode } from './setting-types.js'
import type { Settings } from './settings.js'
import type { TaskOptions } from './task-options.js'
import { toEpochMs } from './to-epoch-ms.js'

/** What composing a call needs to know of an app. */
export interface CallWorld {
  readonly runtime: Runtime
  readonly settings: Settings
  readonly limits: Limits
  readonly router: Router
  /** `gen<pid>@<host>`. */
  readonly origin: string
  /** The app's id: answers by message would come to a queue of this name. */
  readonly replyTo: string
  /** Options of a registered task. */
  taskOptions(name: string): TaskOptions | undefined
}

/** Where a call comes from: the running task, when there is one. */
export interface Lineage {
  readonly rootId?: TaskId | undefined
  readonly parentId?: TaskId | undefined
  /** Inherited, when nothing else says. */
  readonly priority?: number | undefined
}

export interface ComposedCall {
  readonly call: TaskCall
  readonly destination: Destination
}

/**
 * Everything about a call decided: task options under route under call options, ids drawn, spans turned into instants,
 * lineage, destination. `options` have been checked by name. Throws `LVG_BAD_OPTION` and what the router throws.
 * Source: celery/app/task.py:apply_async, celery/app/base.py:send_task.
 */
export function composeCall(
  world: CallWorld,
  name: string,
  args: readonly unknown[],
  options: CallOptions,
  lineage: Lineage,
): ComposedCall {
  const own = world.taskOptions(name) ?? NO_OPTIONS
  const kwargs = options.kwargs ?? NO_KWARGS
  const destination = world.router.route(name, args, kwargs, routeOptionsOf(options), ownRoute(own))
  const route = destination.options
  const now = world.runtime.clock.now()
  const expires = expiresOf(name, options.expires ?? own.expires, now, world.limits.horizon)
  const { settings } = world
  const mode = route.deliveryMode == null ? settings.taskDefaultDeliveryMode : deliveryMode(route.deliveryMode)
  if (mode === undefined) throw badOption(name, 'deliveryMode', "1, 2, 'transient' or 'persistent'", route.deliveryMode)
  const call: TaskCall = {
    // Ids and names are checked by the encoder, whoever gave them (L06).
    id: (options.taskId ?? uuid4(world.runtime.random)) as TaskId,
    task: name as TaskName,
    args,
    kwargs,
    eta: etaOf(name, options, now, world.limits.horizon),
    expires,
    expiration: expires === undefined ? undefined : expires - now,
    retries: options.retries,
    timeLimit: spanOf(name, 'timeLimit', options.timeLimit ?? own.timeLimit),
    softTimeLimit: spanOf(name, 'softTimeLimit', options.softTimeLimit ?? own.softTimeLimit),
    rootId: (options.rootId as TaskId | undefined) ?? lineage.rootId,
    parentId: (options.parentId as TaskId | undefined) ?? lineage.parentId,
    group: options.groupId as GroupId | undefined,
    groupIndex: options.groupIndex,
    shadow: options.shadow,
    origin: options.origin ?? world.origin,
    ignoreResult: options.ignoreResult ?? own.ignoreResult,
    replacedTaskNesting: options.replacedTaskNesting,
    stampedHeaders: options.stamps === undefined ? undefined : Object.keys(options.stamps),
    stamps: options.stamps,
    headers: options.headers,
    callbacks: signatures(options.link),
    errbacks: signatures(options.linkError),
    chain: chainOf(options.chain),
    chord: signatures(options.chord)?.[0],
    replyTo: options.replyTo ?? world.replyTo,
    priority: route.priority ?? lineage.priority ?? settings.taskDefaultPriority,
    deliveryMode: mode,
    serializer: route.serializer,
    compression: route.compression ?? settings.taskCompression,
    argsrepr: options.argsrepr,
    kwargsrepr: options.kwargsrepr,
    protocol: settings.taskProtocol,
  }
  return { call, destination }
}

/** Where a task goes with what its signature says, as options for something that is to go there, too. Throws what the router throws. */
export function destinationOf(
  world: Pick<CallWorld, 'router' | 'taskOptions'>,
  signature: Signature,
): Pick<CallOptions, 'queue' | 'exchange' | 'routingKey'> {
  const { task, args, kwargs } = signature
  const given = routeOptionsOf(callOptionsOf(signature))
  const { to, queue } = world.router.route(task, args, kwargs, given, ownRoute(world.taskOptions(task) ?? NO_OPTIONS))
  return queue === undefined ? { exchange: to.exchange, routingKey: to.routingKey } : { queue: queue.name }
}

const NO_OPTIONS: TaskOptions = Object.freeze({})
const NO_KWARGS: Kwargs = Object.freeze({})
const ROUTE_KEYS = [
  'queue',
  'exchange',
  'exchangeType',
  'routingKey',
  'priority',
  'deliveryMode',
  'serializer',
  'compression',
] as const satisfies readonly (keyof RouteOptions)[]
const OWN_KEYS = ['queue', 'exchange', 'routingKey', 'priority', 'deliveryMode', 'serializer', 'compression'] as const

const NO_ROUTE: RouteOptions = Object.freeze({})

function routeOptionsOf(options: CallOptions): RouteOptions {
  if (options === NO_OPTIONS) return NO_ROUTE
  let found: Record<string, unknown> | undefined
  for (const key of ROUTE_KEYS) {
    if (options[key] === undefined || options[key] === null) continue
    found ??= {}
    found[key] = options[key]
  }
  return found ?? NO_ROUTE
}

function ownRoute(own: TaskOptions): RouteOptions | undefined {
  let found: Record<string, unknown> | undefined
  for (const key of OWN_KEYS) {
    if (own[key] === undefined) continue
    found ??= {}
    found[key] = own[key]
  }
  return found
}

/** A countdown of 0 is none; a countdown wins over an eta. Source: celery/app/amqp.py as_task_v2. */
function etaOf(task: string, options: CallOptions, now: EpochMs, horizon: Ms): EpochMs | undefined {
  const countdown = spanOf(task, 'countdown', options.countdown)
  if (countdown !== undefined && countdown > 0) return within(task, 'countdown', now + countdown, now, horizon)
  if (options.eta === undefined || options.eta === null) return undefined
  const eta = toEpochMs(options.eta)
  if (eta === undefined) throw badOption(task, 'eta', 'a Date, epoch ms or ISO 8601 text', options.eta)
  return within(task, 'eta', eta, now, horizon)
}

function expiresOf(task: string, given: unknown, now: EpochMs, horizon: Ms): EpochMs | undefined {
  if (given === undefined || given === null) return undefined
  const span = parseDuration(given)
  const at = span === undefined ? (typeof given === 'number' ? undefined : toEpochMs(given)) : now + span
  if (at !== undefined) return within(task, 'expires', at, now, horizon)
  throw badOption(task, 'expires', "seconds, text such as '5m', a Date or ISO 8601 text", given)
}

/** L08. */
function within(task: string, option: string, at: EpochMs, now: EpochMs, horizon: Ms): EpochMs {
  if (Math.abs(at - now) <= horizon) return at
  throw badOption(task, option, 'within ten years of now (L08)', new Date(at).toString())
}

function spanOf(task: string, option: string, given: unknown): Ms | undefined {
  if (given === undefined || given === null) return undefined
  const span = parseDuration(given)
  if (span !== undefined) return span
  throw badOption(task, option, "seconds, or text such as '250ms', '5m'", given)
}

/** What follows in a long chain is passed on as it came. */
function chainOf(given: unknown): TaskCall['chain'] {
  return given instanceof RawList ? given : signatures(given)
}

/** One signature, several, or none, in our form or as they came off the wire. */
function signatures(given: unknown): readonly Signature[] | undefined {
  if (given === undefined || given === null) return undefined
  const list = Array.isArray(given) ? (given as readonly unknown[]) : [given]
  return list.map(item => (isSignature(item) ? item : signatureFromDict(item)))
}

function isSignature(value: unknown): value is Signature {
  return typeof value === 'object' && value !== null && 'subtaskType' in value
}
