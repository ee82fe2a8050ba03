import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { AppendFile } from '../../src/drivers/append-file.js'
import type { QueueName, TaskId, TaskName } from '../../src/protocol/ids.js'
import { DEFAULT_LIMITS } from '../../src/protocol/limits.js'
import type { Message } from '../../src/protocol/message.js'
import type { ResultMeta } from '../../src/protocol/result-meta.js'
import type { Signature } from '../../src/protocol/signature.js'
import type { DeliveryFacts } from '../../src/worker/settle-context.js'
import { type LineStore, Spool, type SpoolEntry, type SpoolParts } from '../../src/worker/spool.js'
import { handRuntime } from '../app/hand-runtime.js'
import { MemoryLines } from '../support/worker/rig.js'

const META: ResultMeta = {
  taskId: 'a' as TaskId,
  status: 'SUCCESS',
  result: { text: 'line\nbreak \u2028 ü', big: 12345678901234567890n, list: [1, null, true] },
  error: undefined,
  traceback: undefined,
  children: [{ id: 'c' as TaskId, parent: undefined, members: undefined }],
  dateDone: '2026-01-01T00:00:00.000000+00:00',
}

const FAILED: ResultMeta = {
  ...META,
  status: 'FAILURE',
  result: undefined,
  error: { type: 'ValueError', args: ['no', 2], module: 'builtins' },
  traceback: 'Traceback\n  in a',
}

const MESSAGE: Message = {
  headers: { task: 't', id: 'a', nested: { a: [1, null] } },
  properties: { contentType: 'application/json', priority: 3 },
  body: new Uint8Array([0, 1, 2, 127, 128, 255, 10, 13]),
}

const DELIVERY: DeliveryFacts = {
  queue: 'q' as QueueName,
  exchange: 'x',
  routingKey: 'q.r',
  faults: 1,
  enqueuedAt: 1_790_000_000_000,
}

const INSTEAD: Signature = {
  task: 'next' as TaskName,
  args: [1, 'zwei', { big: 12345678901234567890n }],
  kwargs: {},
  options: { task_id: 'b', queue: 'q' },
  subtaskType: null,
  immutable: true,
}

const ENTRIES: readonly SpoolEntry[] = [
  { message: MESSAGE, delivery: DELIVERY, end: { kind: 'record', meta: META }, sent: [] },
  {
    message: MESSAGE,
    delivery: { ...DELIVERY, enqueuedAt: undefined },
    end: { kind: 'record', meta: FAILED },
    sent: ['p1'],
  },
  {
    message: MESSAGE,
    delivery: DELIVERY,
    end: { kind: 'record', meta: { ...FAILED, status: 'RETRY', intent: { retries: 1, eta: 1_790_000_000_000 } } },
    sent: [],
  },
  {
    message: MESSAGE,
    delivery: DELIVERY,
    end: { kind: 'replaced', taskId: 'a' as TaskId, by: INSTEAD },
    sent: ['p1', 'p2'],
  },
]

function spoolOn(lines: LineStore, redo: SpoolParts['redo']) {
  const runtime = handRuntime()
  return { spool: new Spool({ runtime, lines, limits: DEFAULT_LIMITS, redo }), log: runtime.lines }
}

const refusing = () => Promise.reject(new Error('still away'))

describe('D47 the spool', () => {
  test('gives back exactly what was put in, in order, one line each', async () => {
    const lines = new MemoryLines()
    const redone: SpoolEntry[] = []
    const { spool } = spoolOn(lines, async entry => void redone.push(entry))
    for (const entry of ENTRIES) await spool.write(entry)
    assert.equal(lines.lines.length, ENTRIES.length)
    for (const line of lines.lines) assert.doesNotMatch(line, /[\r\n]/)
    assert.equal(await spool.drain(), ENTRIES.length)
    assert.deepEqual(redone.map(plain), ENTRIES.map(plain))
    assert.equal(await spool.drain(), 0)
  })

  test('keeps what still cannot be done, and says so', async () => {
    const lines = new MemoryLines()
    let back = false
    const { spool, log } = spoolOn(lines, async entry => (back ? undefined : entry))
    for (const entry of ENTRIES) await spool.write(entry)
    assert.equal(await spool.drain(), 0)
    assert.equal(
      log.filter(line => line.message.includes('The end of task a can still not be told')).length,
      ENTRIES.length,
    )
    back = true
    assert.equal(await spool.drain(), ENTRIES.length)
  })

  test('keeps what is left of an end that was told in part', async () => {
    const lines = new MemoryLines()
    const first = ENTRIES[0] as SpoolEntry
    const seen: (readonly string[])[] = []
    const { spool } = spoolOn(lines, async entry => {
      seen.push(entry.sent)
      return entry.sent.length < 2 ? { ...entry, sent: [...entry.sent, `p${entry.sent.length}`] } : undefined
    })
    await spool.write(first)
    for (const told of [0, 0, 1, 0]) assert.equal(await spool.drain(), told)
    assert.deepEqual(seen, [[], ['p0'], ['p0', 'p1']])
  })

  test('M47 damaged lines are said and left out; the others are done', async () => {
    const lines = new MemoryLines()
    let redone = 0
    const { spool, log } = spoolOn(lines, async () => void redone++)
    await spool.write(ENTRIES[0] as SpoolEntry)
    await spool.write(ENTRIES.at(-1) as SpoolEntry)
    const [good, replaced = ''] = lines.lines
    lines.lines = [
      '',
      '{',
      'null',
      '[]',
      '42',
      '{"message":{}}',
      '{"message":{},"delivery":{},"meta":{}}',
      replaced.replace('"by":{"task":"next"', '"by":{"task":7'),
      replaced.replace('"task_id":"a"', '"task_id":""'),
      replaced.replace('"sent":["p1","p2"]', '"sent":[1]'),
      '{"kind":"nonsense"}',
      (good ?? '').slice(0, 40),
      good ?? '',
    ]
    await spool.drain()
    assert.equal(redone, 1)
    assert.ok(log.filter(line => line.level === 'error').length >= 11)
  })

  test('on disk it survives its process, also one that died while draining', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lovage-spool-'))
    try {
      const path = join(folder, 'deep', 'w.spool')
      const { spool } = spoolOn(new AppendFile(path), refusing)
      for (const entry of ENTRIES) await spool.write(entry)
      // A process that takes the lines and dies before it dropped them.
      await new AppendFile(path).take()
      const redone: SpoolEntry[] = []
      const next = spoolOn(new AppendFile(path), async entry => void redone.push(entry)).spool
      await next.drain()
      assert.deepEqual(redone.map(plain), ENTRIES.map(plain))
      assert.equal(await next.drain(), 0)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  test('a torn last line, as a crash leaves it, costs that line only', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lovage-spool-'))
    try {
      const path = join(folder, 'w.spool')
      const { spool } = spoolOn(new AppendFile(path), refusing)
      for (const entry of ENTRIES) await spool.write(entry)
      const text = readFileSync(path, 'utf8')
      writeFileSync(path, text.slice(0, -30))
      let redone = 0
      await spoolOn(new AppendFile(path), async () => void redone++).spool.drain()
      assert.equal(redone, ENTRIES.length - 1)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})

function plain({ message, delivery, end, sent }: SpoolEntry): unknown {
  const known = { message: { ...message, body: [...message.body] }, delivery, sent }
  if (end.kind === 'replaced') return { ...known, end }
  const { status, result, error, traceback, taskId, dateDone, intent } = end.meta
  return { ...known, meta: { status, result, error, traceback, taskId, dateDone, intent } }
}
