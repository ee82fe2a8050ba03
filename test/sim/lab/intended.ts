import type { PlannedTask } from '../../../src/testing/sim/evidence.js'
import { BURIED, childOf, ENDS, resultOf } from './behaviours.js'
import type { Call, Config } from './plan.js'

/** Every task that a call may lead to, with what is known of it in advance. */
export function intended(call: Call, config: Config): readonly PlannedTask[] {
  const root = rootOf(call, config)
  switch (call.shape.kind) {
    case 'single':
      return call.behaviour === 'parent'
        ? [root, { ...plain(childOf(call.id), config), cause: { kind: 'client' } }]
        : [root]
    case 'links':
      return [root, ...steps(call.shape.count).map(i => follower(`${call.id}.link${i}`, call.id, 'success', config))]
    case 'errback':
      return [root, follower(`${call.id}.errback`, call.id, 'failure', config)]
    case 'chain':
      return [root, ...chain(call, call.shape.length, config)]
    case 'chord':
      return chord(call, call.shape.parts, config)
    default:
      return call.shape satisfies never
  }
}

/** Ids of the parts of a chord; the last one behaves as the call says, the others plainly. */
export function partIds(call: Call, parts: number): readonly string[] {
  return steps(parts).map(i => `${call.id}.part${i}`)
}

function steps(count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => i + 1)
}

function rootOf(call: Call, config: Config): PlannedTask {
  const { id, behaviour, late, ignored } = call
  const known = behaviour !== 'unknown' && behaviour !== 'malformed'
  return {
    id,
    ends: behaviour === 'requeueing' && !late ? 'nothing' : ENDS[behaviour],
    // What nobody knows or can read is acked when it is refused, as the settings say.
    late: known ? late : true,
    kept: !ignored,
    maxDeliveries: config.maxDeliveries,
    cause: { kind: 'client' },
    refusable: call.expires !== undefined || call.revokeAt !== undefined,
    buried: BURIED.has(behaviour),
    value: resultOf,
  }
}

function plain(id: string, config: Config): Omit<PlannedTask, 'cause'> {
  return {
    id,
    ends: 'success',
    late: true,
    kept: true,
    maxDeliveries: config.maxDeliveries,
    refusable: false,
    buried: false,
    value: resultOf,
  }
}

function follower(id: string, of: string, kind: 'success' | 'failure', config: Config): PlannedTask {
  return { ...plain(id, config), cause: { kind, of } }
}

function chain(call: Call, length: number, config: Config): readonly PlannedTask[] {
  const fails = ENDS[call.behaviour] === 'failure'
  return steps(length - 1).map(i => {
    const before = i === 1 ? call.id : `${call.id}.step${i - 1}`
    const cause = fails ? ({ kind: 'chain-failure', of: call.id } as const) : ({ kind: 'success', of: before } as const)
    return { ...plain(`${call.id}.step${i}`, config), cause }
  })
}

function chord(call: Call, parts: number, config: Config): readonly PlannedTask[] {
  const ids = partIds(call, parts)
  const planned = ids.map((id, i) =>
    i === parts - 1
      ? { ...rootOf(call, config), id, refusable: false }
      : { ...plain(id, config), late: call.late, cause: { kind: 'client' } as const },
  )
  const cause = { kind: 'chord', chord: `${call.id}.chord`, parts: ids } as const
  return [...planned, { ...plain(`${call.id}.body`, config), cause }]
}
