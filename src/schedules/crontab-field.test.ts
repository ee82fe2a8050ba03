import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FIELDS, readCrontabField } from './crontab-field.js'
import { ScheduleError } from './errors.js'
import type { CrontabField } from './schedule-spec.js'

const READ: readonly (readonly [field: keyof typeof FIELDS, text: CrontabField, numbers: readonly number[]])[] = [
  ['minute', 7, [7]],
  ['minute', [30, 0, 30], [0, 30]],
  ['minute', '*/15', [0, 15, 30, 45]],
  ['minute', '1,13,30-32,50-59/4', [1, 13, 30, 31, 32, 50, 54, 58]],
  ['minute', '1, 2 , 3', [1, 2, 3]],
  ['minute', '*/99', [0]],
  ['hour', '22-2', [0, 1, 2, 22, 23]],
  ['hour', '22-2/2', [0, 2, 22]],
  ['dayOfMonth', '*/3', [1, 4, 7, 10, 13, 16, 19, 22, 25, 28, 31]],
  ['monthOfYear', '10-2/2', [2, 10, 12]],
  ['monthOfYear', 'January,FEB-april', [1, 2, 3, 4]],
  ['dayOfWeek', 'sat-mon', [0, 1, 6]],
  ['dayOfWeek', 'Sund,thursday', [0, 4]],
  ['dayOfWeek', 'jan', [1]],
  ['monthOfYear', 'mon', [1]],
]

for (const [field, text, numbers] of READ) {
  test(`${field} ${JSON.stringify(text)} is ${numbers.join(', ')}`, () => {
    assert.deepEqual(readCrontabField(FIELDS[field], text), numbers)
  })
}

const BAD: readonly (readonly [field: keyof typeof FIELDS, text: CrontabField, words: RegExp])[] = [
  ['minute', '', /^minute: "" has an empty part/],
  ['minute', '1,,2', /"1,,2" has an empty part/],
  ['minute', '*/', /needs a whole number above 0 behind the slash/],
  ['minute', '*/0', /needs a whole number above 0/],
  ['minute', '5/10', /^minute: "5\/10" has a step without a range; write 0-59\/5, or \*\/5/],
  ['minute', '-5', /cannot be read/],
  ['minute', '1-5-7', /cannot be read/],
  ['minute', '*/2/3', /needs a whole number above 0/],
  ['minute', 1.5, /takes whole numbers/],
  ['minute', [], /has no number/],
  ['minute', '60', /60 is outside 0 to 59/],
  ['hour', '0-24', /24 is outside 0 to 23/],
  ['dayOfMonth', 0, /0 is outside 1 to 31/],
  ['dayOfMonth', 'L', /cannot be read; signs such as L, W, # and \? are for cron\(\)/],
  ['dayOfWeek', 'fri#2', /are for cron\(\)/],
  ['dayOfWeek', 'tus', /cannot be read; did you mean/],
  ['dayOfWeek', '7', /Sunday is 0/],
  ['minute', '1,'.repeat(600), /longer than 1024/],
]

for (const [field, text, words] of BAD) {
  test(`${field} ${JSON.stringify(text).slice(0, 20)} is refused`, () => {
    assert.throws(
      () => readCrontabField(FIELDS[field], text),
      error => error instanceof ScheduleError && error.code === 'LVG_BAD_SCHEDULE' && words.test(error.message),
    )
  })
}
