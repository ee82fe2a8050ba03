import type { EntryInput } from '../../../src/beat/read-entry.js'
import type { ScheduleInput } from '../../../src/schedules/read-schedule.js'
import type { ClockPlan, PlannedEntry } from './plan.js'

/** The entries of a plan as a person writes them down. That zone which the app names is left out. */
export function entriesOf({ entries, night }: ClockPlan): Record<string, EntryInput> {
  return Object.fromEntries(
    entries.map(entry => {
      const { name, misfire } = entry
      return [name, { task: 't', args: [name], misfire, schedule: scheduleOf(entry, night.zone) }]
    }),
  )
}

function scheduleOf({ rule, zone }: PlannedEntry, ofApp: string): ScheduleInput {
  if (rule.kind === 'interval') return rule.every / 1000
  const there = zone === ofApp ? {} : { zone }
  if (rule.kind === 'relative') return { kind: 'interval', every: 3_600_000, relative: true, ...there }
  const { skipped, repeated } = rule
  const [minute, hour] = [rule.minutes.join(','), rule.hours.join(',')]
  const weekday = rule.weekday === undefined ? '*' : String(rule.weekday)
  if (rule.kind === 'cron') {
    return { kind: 'cron', expression: `${minute} ${hour} * * ${weekday}`, skipped, repeated, ...there }
  }
  return { kind: 'crontab', minute, hour, dayOfWeek: weekday, skipped, repeated, ...there }
}
