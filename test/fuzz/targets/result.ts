import { decodeGroup, decodeResult, encodeGroup, encodeResult } from '../../../src/protocol/encode-result.js'
import { parseJson } from '../../../src/protocol/json.js'
import { bytesOf } from '../expect.js'
import { looseJson } from '../loose-json.js'
import { mutateBytes } from '../mutate-bytes.js'
import { mutateValue } from '../mutate-value.js'
import { written } from '../outcome.js'
import type { FuzzRandom } from '../random.js'
import { mustBeSame } from '../same.js'
import { readAll, type Seeds } from '../seeds.js'
import { INPUTS, type Input, type Outcome, type Target } from '../target.js'

/** Stored results, and saved groups where they are one. */
export function resultTarget(seeds: Seeds): Target {
  const texts = [...seeds.results, GROUP, CHILDREN]
  const bytes = texts.map(text => Buffer.from(text))
  const values = texts.map(text => parseJson(text))
  return {
    name: 'result',
    inputs: INPUTS,
    make: random => make(random, values, bytes),
    judge: input => judge(bytesOf(input)),
  }
}

const GROUP = '{"result": [["g", null], [[["a", [["p", null], null]], null], [["b", null], null]]]}'
const CHILDREN = `{"status": "RETRY", "result": {"exc_type": "E", "exc_message": [1], "exc_module": null}, "traceback": "t",
  "children": [[["a", null], [[["b", null], null]]]], "date_done": null, "intent": {"retries": 1, "eta": 5},
  "name": "n", "args": [1], "kwargs": {}, "worker": "w", "retries": 0, "queue": "q", "stamped_headers": ["s"], "s": 1, "task_id": "a"}`

function make(random: FuzzRandom, values: readonly unknown[], bytes: readonly Uint8Array[]): Input {
  if (random.once(4)) return { kind: 'bytes', bytes: mutateBytes(random.pick(bytes), random, bytes) }
  const mutated = mutateValue(random.pick(values), { random, donors: values, typed: false })
  return { kind: 'bytes', bytes: Buffer.from(looseJson(mutated)) }
}

function judge(bytes: Uint8Array): Outcome {
  if (bytes.length < 500 && Buffer.from(bytes).toString('latin1').startsWith('{"result":[[')) return judgeGroup(bytes)
  const meta = decodeResult(bytes, readAll)
  const encoded = written(() => encodeResult(meta, readAll))
  // Arguments of exceptions that JSON cannot carry are stored as Python prints them.
  if (written(() => readAll.encode(meta.error?.args)) === undefined) return 'read-only'
  if (encoded === undefined) return 'read-only'
  mustBeSame(decodeResult(encoded, readAll), meta, 'a result stored again')
  return 'value'
}

function judgeGroup(bytes: Uint8Array): Outcome {
  const group = decodeGroup(bytes, readAll)
  mustBeSame(decodeGroup(encodeGroup(group, readAll), readAll), group, 'a group saved again')
  return 'group'
}
