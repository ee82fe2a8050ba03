import { readState } from '../../../src/beat/records.js'
import type { EpochMs, Ms } from '../../../src/lib/time.js'
import type { SimWorld } from '../../../src/testing/sim/sim-world.js'
import { type BeatNode, BeatStage } from '../../support/beat/beat-stage.js'
import { Sightings } from '../lab/sightings.js'
import { dueTimes } from './due-times.js'
import { entriesOf } from './entries-of.js'
import { judge } from './judge.js'
import { type ClockPlan, endOf, type Trouble } from './plan.js'
import { HOUR } from './wall-clock.js'

export interface ClockReport {
  readonly runs: number
  readonly troubles: number
  readonly sightings: ReadonlyMap<string, number>
}

/** How often a spare asks: nobody is in a hurry to take over after a stop, and asking is most of what happens in a night. */
const ASK_EVERY: Ms = 4000

/** Beats in the night of a plan, then the comparison with what was due. Throws `Violation`. */
export async function playNight(world: SimWorld, plan: ClockPlan): Promise<ClockReport> {
  const sightings = new Sightings()
  await until(world, plan.from)
  const settings = { timezone: plan.night.zone, beatSchedule: entriesOf(plan) }
  const stage = new BeatStage(world, settings, { times: { askEvery: ASK_EVERY } })
  stage.cluster.worker('w')
  const beats = Array.from({ length: plan.beats }, () => stage.beat())
  world.always(() => {
    const leaders = beats.filter(isLeader)
    if (leaders.length > 1) throw new Error(`${leaders.length} lead at once`)
  })
  await stage.sleep(1000)
  const began = await lastOf(stage)
  for (const trouble of plan.troubles) {
    await until(world, trouble.at)
    sightings.saw(sightingOf(trouble, plan, beats.some(isLeader)))
    await strike(trouble, stage, beats)
  }
  await until(world, plan.until)
  // Whoever takes over after the last trouble needs its lease.
  await stage.sleep(65_000)
  await stage.cluster.quiet(60_000)
  judge(plan, began, stage.runs)
  lookAt(plan, began, sightings)
  return { runs: stage.runs.length, troubles: plan.troubles.length, sightings: sightings.counts }
}

function isLeader({ beat, process }: BeatNode): boolean {
  return process.alive && beat.status.term !== undefined
}

async function until(world: SimWorld, instant: EpochMs): Promise<void> {
  await world.sleep(Math.max(0, instant - world.runtime.clock.now()))
}

/** After which instant the due times of each entry count. */
async function lastOf(stage: BeatStage): Promise<ReadonlyMap<string, EpochMs>> {
  const { records } = await stage.store.changes(0)
  return new Map(
    records.flatMap(({ key, value }) => {
      const state = key.startsWith('state:') && value !== undefined ? readState(value) : undefined
      return state === undefined ? [] : [[key.slice('state:'.length), state.last] as const]
    }),
  )
}

async function strike(trouble: Trouble, stage: BeatStage, beats: BeatNode[]): Promise<void> {
  const leader = beats.find(isLeader) ?? stage.world.random.pick(beats)
  const replace = (): void => {
    leader.process.kill()
    beats[beats.indexOf(leader)] = stage.beat()
  }
  switch (trouble.kind) {
    case 'kill':
      replace()
      return
    case 'stop':
      await leader.beat[Symbol.asyncDispose]()
      replace()
      return
    case 'reset':
      leader.broker.reset()
      return
    case 'freeze':
      leader.process.freeze()
      await stage.sleep(trouble.span)
      leader.process.thaw()
      return
    case 'cut':
      leader.store.cut()
      await stage.sleep(trouble.span)
      leader.store.heal()
      return
    case 'blackhole':
      leader.store.blackhole()
      await stage.sleep(trouble.span)
      leader.store.heal()
      return
    case 'step':
      leader.process.stepWallClock(trouble.by)
      await stage.sleep(trouble.span)
      leader.process.setClockRight()
      return
    case 'outage':
      for (const { process } of beats) process.kill()
      await stage.sleep(trouble.span)
      for (const [i] of beats.entries()) beats[i] = stage.beat()
      return
    default:
      trouble satisfies never
  }
}

function sightingOf(trouble: Trouble, { night }: ClockPlan, led: boolean): string {
  const { change } = night
  const name = trouble.kind === 'step' && Math.abs(trouble.by) >= HOUR ? 'step of an hour' : trouble.kind
  const near = trouble.at < change && endOf(trouble) > change ? 'over the change' : 'near the change'
  return `${name} ${near}${led ? '' : ', nobody led'}`
}

/** What of the rules the night has shown. */
function lookAt({ entries, night, until }: ClockPlan, began: ReadonlyMap<string, EpochMs>, sightings: Sightings): void {
  for (const entry of entries) {
    const { rule } = entry
    const dues = dueTimes(entry, began.get(entry.name) ?? Number.NaN, until)
    if (rule.kind === 'interval' || entry.zone !== night.zone || dues.length === 0) continue
    const other = (option: object): number =>
      dueTimes({ ...entry, rule: { ...rule, ...option } }, began.get(entry.name) ?? Number.NaN, until).length
    if (other({ skipped: 'skip' }) < other({ skipped: 'shift' })) sightings.saw(`a skipped time, ${rule.skipped}`)
    if (other({ repeated: 'once' }) < other({ repeated: 'twice' })) sightings.saw(`a repeated time, ${rule.repeated}`)
  }
}
