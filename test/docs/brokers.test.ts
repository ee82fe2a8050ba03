import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BROKER_CAPABILITIES } from '../../src/testing/conformance/broker-harness.js'
import { BROKER_LACKS } from '../support/brokers/lacks.js'
import { readPage } from '../support/docs/samples.js'

const PAGE = readPage('docs/reference/brokers.md')

/** Rows of the table below a heading, as cells. */
function table(title: string): readonly (readonly string[])[] {
  const section = PAGE.split(/^## /m).find(part => part.startsWith(`${title}\n`)) ?? ''
  return section
    .split('\n')
    .filter(line => line.startsWith('|') && !/^\|[\s|-]+\|$/.test(line))
    .map(line =>
      line
        .slice(1, -1)
        .split('|')
        .map(cell => cell.trim()),
    )
}

test('the table of brokers has a column for each and a row for each capability', () => {
  const [head = [], ...rows] = table('What each can')
  assert.deepEqual(head.slice(2), Object.keys(BROKER_LACKS))
  assert.deepEqual(
    rows.map(([name, what]) => [name, what]),
    Object.entries(BROKER_CAPABILITIES).map(([name, what]) => [`\`${name}\``, what]),
  )
})

test('its cells say what the conformance suite is told, in both directions', () => {
  const [, ...rows] = table('What each can')
  const brokers = Object.entries(BROKER_LACKS)
  for (const [name = '', , ...cells] of rows) {
    const capability = name.replaceAll('`', '')
    const expected = brokers.map(([, lacks]) => (Object.hasOwn(lacks, capability) ? 'no' : 'yes'))
    assert.deepEqual(cells, expected, name)
  }
})

test('each lack has its reason on the page, word for word', () => {
  const [, ...rows] = table('Why not')
  const expected = Object.entries(BROKER_LACKS).flatMap(([broker, lacks]) =>
    Object.entries(lacks).map(([capability, reason]) => [broker, `\`${capability}\``, reason]),
  )
  assert.deepEqual(new Set(rows.map(row => row.join(' | '))), new Set(expected.map(row => row.join(' | '))))
})
