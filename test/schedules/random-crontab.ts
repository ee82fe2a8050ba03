import { FIELDS } from '../../src/schedules/crontab-field.js'
import { crontabGrid } from '../../src/schedules/crontab-grid.js'
import { ScheduleError } from '../../src/schedules/errors.js'
import type { CrontabField, CrontabSpec } from '../../src/schedules/schedule-spec.js'
import type { FuzzRandom } from '../fuzz/random.js'

const MONTHS = ['jan', 'February', 'MAR', 'apr', 'may', 'june', 'jul', 'aug', 'sept', 'oct', 'nov', 'december']
const WEEKDAYS = ['sun', 'Monday', 'TUE', 'wed', 'thurs', 'fri', 'sat']

/** Fields that can be kept, in all forms of the grammar. */
export function randomCrontab(random: FuzzRandom): Omit<CrontabSpec, 'kind'> {
  for (;;) {
    const spec = {
      minute: randomField(random, FIELDS.minute, 2),
      hour: randomField(random, FIELDS.hour, 3),
      dayOfWeek: randomField(random, FIELDS.dayOfWeek, 5),
      dayOfMonth: randomField(random, FIELDS.dayOfMonth, 5),
      monthOfYear: randomField(random, FIELDS.monthOfYear, 5),
    }
    try {
      crontabGrid(spec)
      return spec
    } catch (error) {
      if (!(error instanceof ScheduleError)) throw error
    }
  }
}

/** `stars`: of ten fields so many are `*`. */
function randomField(random: FuzzRandom, range: (typeof FIELDS)[keyof typeof FIELDS], stars: number): CrontabField {
  if (random.below(10) < stars) return '*'
  const number = (): number => range.min + random.below(range.max - range.min + 1)
  if (random.once(8)) return number()
  if (random.once(8)) return Array.from({ length: random.few(5) }, number)
  return Array.from({ length: random.few(3) }, () => randomPart(random, range, number)).join(',')
}

function randomPart(random: FuzzRandom, range: (typeof FIELDS)[keyof typeof FIELDS], number: () => number): string {
  const word = (): string => {
    const at = number()
    if (range.name === 'monthOfYear' && random.once(2)) return MONTHS[at - 1] ?? String(at)
    return range.name === 'dayOfWeek' && random.once(2) ? (WEEKDAYS[at] ?? String(at)) : String(at)
  }
  switch (random.below(4)) {
    case 0:
      return `*/${1 + random.below(range.max + 2)}`
    case 1:
      return `${word()}-${word()}`
    case 2:
      return `${word()}-${word()}/${1 + random.below(9)}`
    default:
      return word()
  }
}
