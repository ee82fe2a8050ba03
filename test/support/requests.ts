import type { TaskPolicy } from '../../src/app/task-options.js'
import type { GroupId, QueueName, TaskId, TaskName } from '../../src/protocol/ids.js'
import type { TaskRequest } from '../../src/protocol/request.js'
import type { Signature } from '../../src/protocol/signature.js'
import type { SettleContext } from '../../src/worker/settle-context.js'

export function requestOf(changes: Partial<TaskRequest> = {}): TaskRequest {
  const id = changes.id ?? ('t-1' as TaskId)
  return {
    protocol: 2,
    id,
    task: 'demo.add' as TaskName,
    args: [1, 2],
    kwargs: {},
    lang: 'js',
    shadow: undefined,
    eta: undefined,
    expires: undefined,
    retries: 0,
    timeLimit: undefined,
    softTimeLimit: undefined,
    rootId: id,
    parentId: undefined,
    group: undefined,
    groupIndex: undefined,
    argsrepr: '(1, 2)',
    kwargsrepr: '{}',
    origin: 'gen1@host',
    ignoreResult: undefined,
    replacedTaskNesting: 0,
    stampedHeaders: undefined,
    stamps: {},
    headers: {},
    callbacks: [],
    errbacks: [],
    chain: [],
    chord: undefined,
    replyTo: undefined,
    correlationId: id,
    priority: undefined,
    message: { headers: {}, properties: {}, body: new Uint8Array() },
    ...changes,
  }
}

export const CELERY_POLICY: TaskPolicy = {
  acksLate: false,
  acksOnFailure: true,
  acksOnTimeout: true,
  rejectOnWorkerLost: false,
  maxDeliveries: 3,
  maxRetries: 3,
  defaultRetryDelay: 180_000,
  retryBackoff: undefined,
  retryBackoffMax: 600_000,
  retryJitter: true,
  timeLimit: undefined,
  softTimeLimit: undefined,
  ignoreResult: false,
  storeErrorsEvenIfIgnored: false,
  trackStarted: false,
  resultExpires: 86_400_000,
  chordLife: 86_400_000,
  resultExtended: false,
  trail: true,
  sendEvents: true,
  limits: undefined,
}

export function contextOf(
  request: Partial<TaskRequest> = {},
  policy: Partial<TaskPolicy> = {},
  changes: Partial<SettleContext> = {},
): SettleContext {
  const merged = { ...CELERY_POLICY, ...policy }
  return {
    request: requestOf(request),
    policy: merged,
    late: merged.acksLate,
    keepsResults: true,
    delivery: { queue: 'celery' as QueueName, exchange: '', routingKey: 'celery', faults: 0, enqueuedAt: 500 },
    worker: 'celery@test',
    now: 1_000_000,
    dateDone: '1970-01-01T00:16:40.000000+00:00',
    random: 0.5,
    inheritPriority: false,
    inlineErrback: () => false,
    ...changes,
  }
}

export function signatureOf(
  task: string,
  options: Readonly<Record<string, unknown>> = {},
  args: readonly unknown[] = [],
): Signature {
  return { task: task as TaskName, args, kwargs: {}, options, subtaskType: null, immutable: false }
}

export const group = (id: string): GroupId => id as GroupId
