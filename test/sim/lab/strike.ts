import { AmqpPlace } from '../../../src/testing/sim/amqp-place.js'
import type { LedgerMessage } from '../../../src/testing/sim/ledger.js'
import type { SimLink } from '../../../src/testing/sim/sim-link.js'
import type { SimWorld } from '../../../src/testing/sim/sim-world.js'
import { DiskPlace } from './disk-place.js'
import type { Fault } from './faults.js'
import type { Fleet } from './fleet.js'
import type { LabPlace } from './lab-place.js'

/** Carries out one fault, and announces its end where it ends by itself. */
export function strike(fault: Fault, fleet: Fleet, place: LabPlace, world: SimWorld): void {
  world.note(`fault ${JSON.stringify(fault)}`)
  const node = fleet.node(fault.node)
  const link = node?.[fault.place]
  const { lasts, amount, verb } = fault
  const later = (act: () => void): void => void world.after(lasts, act)
  const onLinks = (which: 'broker' | 'backend', act: 'cut' | 'blackhole'): void => {
    const links = fleet.nodes().map(one => one[which])
    for (const one of links) one[act]()
    later(() => {
      for (const one of links) one.heal()
    })
  }
  switch (fault.kind) {
    case 'kill':
    case 'kill-client':
      node?.process.kill()
      return
    case 'freeze':
      node?.process.freeze()
      later(() => node?.process.thaw())
      return
    case 'stop':
      void fleet.stop(fault.node, amount < 8 ? 'warm' : amount < 14 ? 'soft' : 'cold')
      return
    case 'crash-effect':
      fleet.doom(fault.node, verb)
      return
    case 'step':
      // From the right time on, so that wrongs do not add up.
      node?.process.setClockRight()
      node?.process.stepWallClock(amount)
      return
    case 'cut':
    case 'blackhole':
      link?.[fault.kind]()
      later(() => link?.heal())
      return
    case 'reset':
      link?.reset()
      return
    case 'flap':
      if (link !== undefined) flap(link, fault, fleet, world)
      return
    case 'slow':
      link?.slow(amount)
      later(() => link?.slow(1))
      return
    case 'lose-request':
    case 'lose-answer':
      link?.strike(fault.kind, verb)
      return
    case 'crash-call':
      link?.strike(amount < 10 ? 'crash-before' : 'crash-after', verb)
      return
    case 'backend-down':
      onLinks('backend', 'cut')
      return
    case 'backend-slow':
      onLinks('backend', 'blackhole')
      return
    case 'broker-down':
      onLinks('broker', 'cut')
      return
    case 'duplicate':
      for (const message of some(place.ledger.messages, amount)) void place.duplicate(message)
      return
    case 'disk-full':
    case 'disk-read-only':
      if (place instanceof DiskPlace) troubleDisk(fault, fleet, place, later)
      return
    case 'kill-child':
      fleet.brood(fault.node)?.killOne(amount)
      return
    case 'freeze-child':
      fleet.brood(fault.node)?.freezeOne(amount, lasts)
      return
    case 'power-loss':
      if (place instanceof DiskPlace) losePower(fleet, place, world)
      return
    default:
      if (place instanceof AmqpPlace) strikeAmqp(fault, place, later)
  }
}

/** Up and down in turn (F27): what was under way when it went down is in doubt, and cannot be asked for at once. */
function flap(link: SimLink, { amount, lasts }: Fault, fleet: Fleet, world: SimWorld): void {
  const period = lasts / amount
  for (let i = 0; i < amount; i++) {
    world.after(i * period, () => {
      if (!fleet.spared) link.cut()
    })
    world.after((i + 0.6) * period, () => link.heal())
  }
}

/** One trouble at a time; the last one ends by itself, or when everything is healed. */
function troubleDisk({ kind }: Fault, fleet: Fleet, place: DiskPlace, later: (act: () => void) => void): void {
  place.disk(kind === 'disk-full' ? 'full' : 'read-only')
  fleet.saw(`the disk was ${kind === 'disk-full' ? 'full' : 'read-only'}`)
  later(() => place.disk('well'))
}

/** All of them ran on the one machine. */
function losePower(fleet: Fleet, place: DiskPlace, world: SimWorld): void {
  fleet.powerOff()
  const { lost, back } = place.powerLoss()
  world.note(`power off: ${lost} messages lost, ${back} acks forgotten`)
  fleet.saw('the power went off')
  if (lost > 0) fleet.saw('a disk that was not synced lost a message')
  if (back > 0) fleet.saw('a disk that was not synced forgot an ack')
}

function strikeAmqp({ kind, amount }: Fault, place: AmqpPlace, later: (act: () => void) => void): void {
  switch (kind) {
    case 'block':
      place.block(true)
      later(() => place.block(false))
      return
    case 'reject':
      place.reject(amount)
      return
    case 'cancel':
      place.cancelConsumers()
      return
    case 'restart':
      place.restart()
      return
    case 'reorder':
      place.reorder()
      return
    default:
  }
}

/** A few of the latest messages to tasks. */
function some(messages: readonly LedgerMessage[], amount: number): readonly LedgerMessage[] {
  return messages
    .filter(({ queue, copy }) => !queue.endsWith('.dead') && !copy)
    .slice(-amount)
    .slice(0, 2)
}
