import type { Message, Properties } from '../../src/protocol/message.js'
import { looseJson } from './loose-json.js'
import { mutateBytes } from './mutate-bytes.js'
import { mutateValue } from './mutate-value.js'
import type { FuzzRandom } from './random.js'
import type { SeedMessage } from './seeds.js'
import type { Input } from './target.js'

/** A captured message with its headers, properties, body value or body bytes changed; sometimes the halves of two. */
export function makeMessage(random: FuzzRandom, seeds: readonly SeedMessage[]): Input {
  const { message, value } = random.pick(seeds)
  const other = random.once(20) ? random.pick(seeds).message : message
  const changes = 1 + random.below(7)
  const headers = changes & 1 ? changedHeaders(other, random, seeds) : other.headers
  const properties = random.once(8) ? changedProperties(message, random, seeds) : message.properties
  const body = changes & 6 ? changedBody(message, value, random, seeds) : message.body
  return { kind: 'message', message: { headers, properties, body } }
}

function changedHeaders({ headers }: Message, random: FuzzRandom, seeds: readonly SeedMessage[]): Message['headers'] {
  const donors = [random.pick(seeds).message.headers]
  const changed = mutateValue(headers, { random, donors, typed: true })
  // A broker hands over a table, whatever is in it.
  return isRecord(changed) ? changed : { task: 'fuzz', id: changed, compression: changed }
}

/** Text, numbers and the like: no broker has typed properties of other kinds, and a stored row holds JSON. */
function changedProperties(message: Message, random: FuzzRandom, seeds: readonly SeedMessage[]): Properties {
  const donors = [random.pick(seeds).message.properties]
  const changed = mutateValue(message.properties, { random, donors, typed: false })
  const plain: unknown = JSON.parse(
    JSON.stringify(changed, (_, item: unknown) => (typeof item === 'bigint' ? Number(item) : item)),
  )
  return isRecord(plain) ? plain : {}
}

function changedBody(message: Message, value: unknown, random: FuzzRandom, seeds: readonly SeedMessage[]): Uint8Array {
  if (value === undefined || random.once(4)) {
    return mutateBytes(message.body, random, [random.pick(seeds).message.body, message.body])
  }
  const donors = [random.pick(seeds).value, value]
  return Buffer.from(looseJson(mutateValue(value, { random, donors, typed: false })))
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}
