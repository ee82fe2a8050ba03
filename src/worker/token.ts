import type { Ms } from '../lib/time.js'
import type { Running } from './running.js'
import { anyCurrent } from './verdicts.js'
import type { World } from './world.js'

/** D25: a lease may have run out, so that its tokens have to be asked for. */
export function mayBeLost(running: Running, world: World): boolean {
  return running.robbed || world.live()?.suspect() === true
}

/** An answer that took longer says what was so before this process, or the link, had stood still. */
const ANSWER_HOLDS: Ms = 1000
const QUESTIONS = 3

/** Is the message still ours? */
export async function isOurs({ deliveries }: Running, { runtime: { clock } }: World): Promise<boolean> {
  for (let questions = 1; ; questions++) {
    const asked = clock.steady()
    if (!(await anyCurrent(deliveries))) return false
    if (clock.steady() - asked < ANSWER_HOLDS || questions >= QUESTIONS) return true
  }
}
