import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeSchedule } from './describe-schedule.js'
import type { ScheduleSpec } from './schedule-spec.js'
import { crontab, every, once } from './specs.js'

const WORDS: readonly (readonly [spec: ScheduleSpec, words: string])[] = [
  [every(2.5), 'every 2.5s'],
  [every(0.25), 'every 250ms'],
  [every('1d', { relative: true, zone: 'Asia/Tokyo' }), 'every 1d, on the clock, Asia/Tokyo'],
  [crontab({}), 'every minute'],
  [crontab({ minute: 5 }), 'at minute 5 of every hour'],
  [crontab({ minute: '*/5', hour: '8-17' }), 'every 5 minutes of hour 8-17'],
  [crontab({ minute: 0, hour: '*/2' }), 'at minute 0 of every 2 hours'],
  [crontab('5 4 1,15 jan-mar *'), 'at 04:05 on day 1,15 in month jan-mar'],
  [crontab('5 4 * * 1-5/2'), 'at 04:05 on mon-fri/2'],
  [crontab('5 4 * * */2'), 'at 04:05 on */2'],
  [once(Number.NaN), 'once at NaN'],
]

for (const [spec, words] of WORDS) {
  test(`a schedule is described in words, also one that cannot be kept: ${words}`, () => {
    assert.equal(describeSchedule(spec), words)
  })
}
