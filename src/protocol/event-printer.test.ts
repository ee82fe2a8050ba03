import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type ClusterEvent, EVENT_FIELDS } from './cluster-event.js'
import { eventMembers } from './event-message.js'
import { printEvents } from './event-printer.js'
import { printJson } from './json.js'

const EVENT: ClusterEvent = {
  type: 'task-received',
  hostname: 'w@h',
  pid: 7,
  clock: 3,
  timestamp: 1_795_171_575_004,
  utcoffset: -1,
  fields: { uuid: 'u', name: 't', rootId: 'r', parentId: undefined, retries: 0, eta: null },
}

function asObjects(events: readonly ClusterEvent[]): string {
  return printJson(events.map(eventMembers))
}

const text = fc.string({
  unit: fc.oneof(fc.constantFrom('"', '\\', '\n', '\u2028', '\ud800', '\udc00', '\u007f'), fc.string()),
})
const number = fc.oneof(
  fc.maxSafeInteger(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).filter(value => value !== 0 && !Number.isInteger(value)),
)
const value = fc.oneof(text, number, fc.boolean(), fc.constantFrom(null, undefined))
const event: fc.Arbitrary<ClusterEvent> = fc.constantFrom(...EVENT_FIELDS).chain(([type, table]) =>
  fc.record({
    type: fc.constant(type),
    hostname: fc.oneof(fc.constant('w@h'), text),
    pid: fc.option(fc.nat(), { nil: undefined }),
    clock: fc.nat(),
    timestamp: fc.constantFrom(1_795_171_575_000, 1_795_171_575_001, 1_795_171_575_500),
    utcoffset: fc.option(fc.integer({ min: -14, max: 12 }), { nil: undefined }),
    fields: fc.dictionary(fc.constantFrom(...table.keys()), value, { noNullPrototype: true }),
  }),
)

test('a list is printed as it would be from objects, character by character', () => {
  fc.assert(
    fc.property(fc.array(event, { minLength: 1, maxLength: 5 }), events => {
      const printed = printEvents(events)
      // Spans are divided, and what a division makes may be a number that only the other way prints.
      if (printed !== undefined) assert.equal(printed, asObjects(events))
    }),
  )
  assert.equal(printEvents([EVENT, { ...EVENT, clock: 4 }]), asObjects([EVENT, { ...EVENT, clock: 4 }]))
})

test('who speaks and when is told of each event, whatever the one before it told', () => {
  const events = [
    EVENT,
    { ...EVENT, hostname: 'o@h' },
    { ...EVENT, pid: 8 },
    { ...EVENT, utcoffset: 5, timestamp: 1_000 },
  ]
  assert.equal(printEvents(events), asObjects(events))
  assert.deepEqual(
    (
      JSON.parse(printEvents(events) ?? '') as { hostname: string; pid: number; utcoffset: number; timestamp: number }[]
    ).map(({ hostname, pid, utcoffset, timestamp }) => [hostname, pid, utcoffset, timestamp]),
    [
      ['w@h', 7, -1, 1795171575.004],
      ['o@h', 7, -1, 1795171575.004],
      ['w@h', 8, -1, 1795171575.004],
      ['w@h', 7, 5, 1],
    ],
  )
})

test('texts with quotes, control characters and lone surrogates are printed as JSON has them', () => {
  for (const exception of ['"', '\\', '\n', '\u0000', '\ud800', 'x\udfff', '😀', 'ž', '\u2028', '\u007f', ' ', '']) {
    const failed = { ...EVENT, type: 'task-failed', fields: { uuid: 'u', exception } }
    assert.equal(printEvents([failed]), asObjects([failed]), JSON.stringify(exception))
  }
})

test('what it cannot print as it should be is left to others', () => {
  const left: readonly Partial<ClusterEvent>[] = [
    { type: 'task-progress' },
    { fields: { uuid: 'u', percent: 50 } },
    { fields: { uuid: 'u', hasOwnProperty: 'x' } },
    ...[[1], { a: 1 }, new Date(0), 10n ** 20n, Number.NaN, Number.POSITIVE_INFINITY, -0, 2 ** 60, () => 1].map(
      retries => ({
        fields: { uuid: 'u', retries },
      }),
    ),
  ]
  for (const part of left)
    assert.equal(printEvents([EVENT, { ...EVENT, ...part }]), undefined, String(part.fields?.['retries']))
})
