import { formatDuration } from '../lib/duration.js'
import type { Ms } from '../lib/time.js'
import type { CrontabField, ScheduleSpec } from './schedule-spec.js'
import { SECOND } from './wall-time.js'

/** A schedule in a few words, for people: `every 1h30m`, `at 04:30 on mon-fri`, `cron 0 0 9 L * *, Europe/Berlin`. */
export function describeSchedule(spec: ScheduleSpec): string {
  const words = wordsFor(spec)
  return 'zone' in spec && spec.zone !== undefined ? `${words}, ${spec.zone}` : words
}

function wordsFor(spec: ScheduleSpec): string {
  switch (spec.kind) {
    case 'interval':
      return `every ${spanWords(spec.every)}${spec.relative ? ', on the clock' : ''}`
    case 'crontab':
      return [
        timeWords(textOf(spec.minute), textOf(spec.hour)),
        dayWords('on', spec.dayOfWeek),
        dayWords('on day', spec.dayOfMonth),
        dayWords('in month', spec.monthOfYear),
      ]
        .filter(word => word !== '')
        .join(' ')
    case 'cron':
      return `cron ${spec.expression}`
    case 'solar':
      return `${spec.event.replaceAll('_', ' ')} at ${spec.latitude}, ${spec.longitude}`
    case 'repeating':
      return spec.expression
    case 'once':
      return `once at ${Number.isNaN(new Date(spec.at).getTime()) ? spec.at : new Date(spec.at).toISOString()}`
    default:
      return String(spec satisfies never)
  }
}

function spanWords(every: Ms): string {
  return every > SECOND && every % SECOND !== 0 ? `${every / SECOND}s` : formatDuration(every)
}

function timeWords(minute: string, hour: string): string {
  if (isNumber(minute) && isNumber(hour)) return `at ${hour.padStart(2, '0')}:${minute.padStart(2, '0')}`
  const minutes = minute === '*' ? 'every minute' : (stepOf(minute, 'minutes') ?? `at minute ${minute}`)
  if (hour === '*') return isNumber(minute) ? `${minutes} of every hour` : minutes
  return `${minutes} of ${stepOf(hour, 'hours') ?? `hour ${hour}`}`
}

function stepOf(text: string, unit: string): string | undefined {
  const [, step] = /^\*\/(\d+)$/.exec(text) ?? []
  return step === undefined ? undefined : `every ${step} ${unit}`
}

function dayWords(lead: string, field: CrontabField | undefined): string {
  const text = textOf(field)
  return text === '*' ? '' : `${lead} ${lead === 'on' ? weekdays(text) : text}`
}

function weekdays(text: string): string {
  return text.replace(
    /(?<![/\d])\d+/g,
    digits => ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'][Number(digits)] ?? digits,
  )
}

function textOf(field: CrontabField | undefined): string {
  if (field === undefined) return '*'
  return typeof field === 'string' ? field.trim() : String(field)
}

function isNumber(text: string): boolean {
  return /^\d{1,2}$/.test(text)
}
