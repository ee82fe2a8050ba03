import { unpackMessage } from '../../../src/brokers/virtual/message-columns.js'
import { parseHeaders, printHeaders } from '../../../src/brokers/virtual/stored-headers.js'
import { decodeTask } from '../../../src/protocol/decode-task.js'
import { EncodeError } from '../../../src/protocol/errors.js'
import { DEFAULT_LIMITS } from '../../../src/protocol/limits.js'
import { signatureToDict } from '../../../src/protocol/signature-dict.js'
import { type LineStore, Spool, type SpoolEntry } from '../../../src/worker/spool.js'
import { handRuntime } from '../../app/hand-runtime.js'
import { textOf } from '../expect.js'
import { looseJson } from '../loose-json.js'
import { mutateText } from '../mutate-bytes.js'
import { mutateValue } from '../mutate-value.js'
import type { FuzzRandom } from '../random.js'
import { mustBeSame } from '../same.js'
import { readAll } from '../seeds.js'
import { Broken, INPUTS, type Input, type Outcome, type Target } from '../target.js'

const HEADERS: readonly unknown[] = [
  { task: 'demo.add', id: 'a', retries: 0, eta: null, timelimit: [null, 3], stamps: {} },
  { task: 't', id: 'b', raw: { '@': 'bytes', v: 'AP8=' }, when: { '@': 'date', v: 5 }, n: { '@': 'bigint', v: '99' } },
  {
    x: {
      '@': 'map',
      v: [
        ['@', 1],
        ['a', { '@': 'number', v: 'NaN' }],
      ],
    },
    compression: 'application/x-gzip',
  },
]

/** Headers as they lie in a SQLite row, with the way a message takes from there. */
export const storedHeadersTarget: Target = {
  name: 'stored-headers',
  inputs: INPUTS,
  make: random => ({ kind: 'text', text: makeText(random, HEADERS) }),
  judge: input => judgeHeaders(textOf(input)),
}

function judgeHeaders(text: string): Outcome {
  const headers = parseHeaders(text)
  const body = Buffer.from('[[], {}, {}]')
  const columns = { properties: [text], headers: [text], ends: [body.length], bytes: body }
  const { kind } = decodeTask(unpackMessage(columns, 0), readAll)
  if (headers === undefined) return 'none'
  // No two invalid dates are equal.
  if (text.includes('"v":null')) return 'headers'
  mustBeSame(parseHeaders(printHeaders(headers)), headers, 'storing headers')
  return kind === 'task' ? 'task' : 'headers'
}

const SPOOLED = {
  message: {
    headers: { task: 't', id: 'a', retries: 0 },
    properties: { contentType: 'application/json', priority: 3 },
    body: 'W10=',
  },
  delivery: { queue: 'celery', exchange: '', routingKey: 'celery', faults: 0, enqueuedAt: 1_790_000_000_000 },
}

const LINES: readonly unknown[] = [
  {
    ...SPOOLED,
    meta: {
      status: 'SUCCESS',
      result: 1,
      traceback: null,
      children: [],
      date_done: '2026-11-20T08:51:09',
      task_id: 'a',
    },
    sent: ['c:a:0'],
  },
  {
    ...SPOOLED,
    replaced: {
      task_id: 'a',
      by: {
        task: 'celery.group',
        args: [],
        kwargs: { tasks: [{ task: 'u', args: [1], kwargs: {}, options: {}, subtask_type: null, immutable: false }] },
        options: { task_id: 'g' },
        subtask_type: 'group',
        immutable: false,
      },
    },
  },
]

/** Lines of the spool. What is redone has the shape that redoing needs. */
export function spoolTarget(): Target {
  return {
    name: 'spool',
    inputs: INPUTS,
    make: (random): Input => ({ kind: 'text', text: makeText(random, LINES) }),
    judge: input => judgeLine(textOf(input)),
  }
}

async function judgeLine(line: string): Promise<Outcome> {
  const lines = new OneLine(line)
  let redone: SpoolEntry | undefined
  const spool = new Spool({
    runtime: handRuntime(),
    lines,
    limits: DEFAULT_LIMITS,
    redo: async entry => {
      redone = entry
    },
  })
  await spool.drain()
  if (redone === undefined) return 'dropped'
  mustBeTellable(redone)
  const first = redone
  try {
    await spool.write(redone)
  } catch (error) {
    if (error instanceof EncodeError) return 'read-only'
    throw error
  }
  await spool.drain()
  mustBeSame(written(redone), written(first), 'an entry spooled again')
  return 'told'
}

/** Signatures within a signature may be dicts, or as they are here: they are alike when they are written alike. */
function written(entry: SpoolEntry): unknown {
  const { end } = entry
  return end.kind === 'record' ? entry : { ...entry, end: { ...end, by: signatureToDict(end.by) } }
}

function mustBeTellable({ message, delivery, end, sent }: SpoolEntry): void {
  const names = end.kind === 'record' ? [end.meta.taskId, end.meta.status] : [end.taskId, end.by.task]
  const isSound =
    isObject(message.headers) &&
    isObject(message.properties) &&
    [delivery.queue, delivery.exchange, delivery.routingKey, ...names, ...sent].every(
      text => typeof text === 'string',
    ) &&
    Number.isFinite(delivery.faults)
  if (!isSound) throw new Broken('nobody could tell this')
}

class OneLine implements LineStore {
  #lines: readonly string[]

  constructor(line: string) {
    this.#lines = [line]
  }

  async append(line: string): Promise<void> {
    this.#lines = [...this.#lines, line]
  }

  async take(): Promise<readonly string[]> {
    return this.#lines
  }

  async drop(): Promise<void> {
    this.#lines = []
  }
}

function makeText(random: FuzzRandom, seeds: readonly unknown[]): string {
  const seed = random.pick(seeds)
  if (random.once(3)) return mutateText(looseJson(seed), random, seeds.map(looseJson))
  return looseJson(mutateValue(seed, { random, donors: seeds, typed: false }))
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
