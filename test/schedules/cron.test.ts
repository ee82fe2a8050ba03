import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Cron } from 'croner'
import { cronGrid } from '../../src/schedules/cron-grid.js'
import { ScheduleError } from '../../src/schedules/errors.js'
import { FuzzRandom } from '../fuzz/random.js'

/* Our search over what croner has parsed, against croner's own. */

const RANGES = [
  [0, 59],
  [0, 59],
  [0, 23],
  [1, 31],
  [1, 12],
  [0, 7],
] as const

test('random cron strings come when croner says, forwards and backwards', () => {
  const random = new FuzzRandom('cron', 1, 0)
  let [compared, refused] = [0, 0]
  while (compared < 1500) {
    const expression = randomExpression(random)
    const at = Date.UTC(2000, 0, 1) + random.below(50 * 365 * 86_400) * 1000 + random.below(1000)
    const theirs = new Cron(expression, { utcOffset: 0, paused: true })
    try {
      const ours = cronGrid(expression)
      assert.equal(
        ours.next(at),
        theirs.nextRun(new Date(at))?.getTime(),
        `${expression} after ${new Date(at).toISOString()}`,
      )
      const [before] = theirs.previousRuns(1, new Date(Math.floor(at / 1000) * 1000 + 1000))
      assert.equal(ours.previous(at), before?.getTime(), `${expression} before ${new Date(at).toISOString()}`)
      compared++
    } catch (error) {
      if (!(error instanceof ScheduleError)) throw error
      assert.equal(theirs.nextRun(new Date(at)), null, expression)
      refused++
    }
  }
  assert.ok(refused > 0, 'none that never comes')
})

function randomExpression(random: FuzzRandom): string {
  const fields = RANGES.map(([min, max]) => {
    const number = (): number => min + random.below(max - min + 1)
    switch (random.below(5)) {
      case 0:
        return String(number())
      case 1:
        return `*/${1 + random.below(Math.floor(max / 2))}`
      case 2: {
        const [a, b] = [number(), number()]
        return `${Math.min(a, b)}-${Math.max(a, b)}`
      }
      default:
        return '*'
    }
  })
  if (random.once(3)) fields[3] = random.pick(['L', 'LW', '15W', '1W', '31W', '30,L', '5,20W', '31', '30'])
  if (random.once(3)) fields[5] = random.pick(['fri#2', 'mon#5', 'sunL', 'tue#L', '+fri', 'mon-wed', '7', '5L,1#1'])
  if (random.once(10)) fields[4] = '2'
  const [, ...five] = fields
  if (random.once(4)) return five.join(' ')
  return random.once(6) ? [...fields, String(2000 + random.below(60))].join(' ') : fields.join(' ')
}
