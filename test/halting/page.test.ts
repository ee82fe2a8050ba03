import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { repositoryRoot } from '../support/repository.js'
import { blockingCases } from './real/blocking-cases.js'
import { connectionCases } from './real/connection-cases.js'
import { deliveryCases } from './real/delivery-cases.js'
import type { HaltingPlace, RegisterCase } from './real/halting-place.js'
import { publishingCases } from './real/publishing-cases.js'

/* The table of the halting cases in docs/internals/faults.md against the tests. */

const BROKERS = ['rabbitmq', 'rabbitmq-quorum', 'redis', 'postgres'] as const

const rows = [...read('docs/internals/faults.md').matchAll(/^\| (H\d\d) \|[^|]*\|([^|]*)\|([^|]*)\|$/gm)].map(
  ([, id = '', brokers = '', also = '']) => ({ id, brokers: brokers.trim(), also: also.trim() }),
)

test('the table has H01 to H34, and names for each the brokers that it is played on', () => {
  const wanted = Array.from({ length: 34 }, (_, n) => `H${String(n + 1).padStart(2, '0')}`)
  assert.deepEqual(
    wanted.filter(id => !rows.some(row => row.id === id)),
    [],
  )
  for (const { id, brokers, also } of rows) {
    const played = BROKERS.filter(name =>
      namesOn(name).some(title => new RegExp(`^(H\\d\\d |[A-Z]\\d\\w+ )*${id} `).test(title)),
    )
    assert.equal(brokers, played.join(', ') || '–', id)
    if (played.length === 0) assert.ok(also.length > 10, `${id} has neither broker nor reason`)
  }
})

test('the files that the table names have tests of their cases', () => {
  for (const { id, also } of rows) {
    for (const [, file = ''] of also.matchAll(/`(test\/(?:halting|worker)\/[^`]+\.test\.ts)`/g)) {
      assert.match(read(file), new RegExp(`['"\`](?:[A-Z]\\d\\w+ )*${id}\\b`), `${file} has no test named ${id}`)
    }
  }
})

/** What would be registered there. */
function namesOn(name: HaltingPlace['name']): readonly string[] {
  const names: string[] = []
  const place: HaltingPlace = { name, needed: {}, url: () => '', settings: {}, deleteQueue: async () => undefined }
  const register: RegisterCase = title => names.push(title)
  for (const cases of [blockingCases, connectionCases, deliveryCases, publishingCases]) cases(place, register)
  return names
}

function read(path: string): string {
  return readFileSync(join(repositoryRoot(), path), 'utf8')
}
