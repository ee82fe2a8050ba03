import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseIso } from '../../src/protocol/iso8601.js'
import { dateDoneIn } from '../../src/worker/date-done.js'

const HOUR = 3_600_000
const ZONES = [
  'Europe/Berlin',
  'America/New_York',
  'America/St_Johns',
  'Asia/Kolkata',
  'Australia/Lord_Howe',
  'Pacific/Apia',
  'Asia/Kathmandu',
  'UTC',
]

/** Instants around both changes of the clocks in the north and the south, with odd milliseconds. */
const INSTANTS: readonly number[] = [
  Date.UTC(2026, 2, 29, 0, 59, 59, 999),
  Date.UTC(2026, 2, 29, 1, 0, 0, 0),
  Date.UTC(2026, 9, 25, 0, 30, 0, 1),
  Date.UTC(2026, 9, 25, 1, 30, 0, 1),
  Date.UTC(2026, 2, 8, 6, 59, 59, 5),
  Date.UTC(2026, 2, 8, 7, 0, 0, 5),
  Date.UTC(2026, 10, 1, 5, 59, 0),
  Date.UTC(2026, 10, 1, 6, 1, 0),
  Date.UTC(2026, 3, 4, 14, 59, 59),
  Date.UTC(2026, 3, 4, 15, 0, 1),
  Date.UTC(2024, 1, 29, 23, 59, 59, 123),
  Date.UTC(1969, 11, 31, 23, 59, 59, 1),
  Date.UTC(2026, 11, 31, 23, 59, 59, 999),
]

/** What the wall shows there, by the runtime's own formatter and nothing of ours. */
function wallClock(at: number, zone: string): string {
  const sv = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium' }).format(at)
  return sv.replace(' ', 'T')
}

function offsetOf(at: number, zone: string): string {
  const parts = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' }).formatToParts(at)
  const name = parts.find(part => part.type === 'timeZoneName')?.value.slice(3) ?? ''
  return name === '' ? '+00:00' : name
}

describe('date_done in the time zone of the app', () => {
  for (const zone of ZONES) {
    test(`${zone}: the wall clock there, its offset, and the same instant, on both sides of every change`, () => {
      const print = dateDoneIn(zone)
      for (const at of INSTANTS) {
        const text = print(at)
        assert.equal(text.slice(0, 19), wallClock(at, zone), `${zone} ${at}`)
        assert.equal(text.slice(26), offsetOf(at, zone), `${zone} ${at}`)
        assert.equal(text.slice(19, 26), `.${String(((at % 1000) + 1000) % 1000).padStart(3, '0')}000`)
        assert.equal(parseIso(text), at)
      }
    })
  }

  test('H64 the hour that comes twice is told apart by its offset', () => {
    const print = dateDoneIn('Europe/Berlin')
    const first = Date.UTC(2026, 9, 25, 0, 30)
    assert.equal(print(first), '2026-10-25T02:30:00.000000+02:00')
    assert.equal(print(first + HOUR), '2026-10-25T02:30:00.000000+01:00')
  })

  test('without a zone it is UTC, as Celery writes it', () => {
    assert.equal(dateDoneIn(undefined)(Date.UTC(2026, 0, 2, 3, 4, 5, 6)), '2026-01-02T03:04:05.006000+00:00')
  })

  test('a zone that does not exist is refused', () => {
    assert.throws(() => dateDoneIn('Mars/Olympus'), RangeError)
  })
})
