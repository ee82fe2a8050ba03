import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { App } from '../src/app/app.js'
import { createCodec } from '../src/protocol/create-codec.js'
import { encodeTask } from '../src/protocol/encode-task.js'
import { taskId, taskName } from '../src/protocol/ids.js'
import { Worker } from '../src/worker/worker.js'
import { openRaw } from './raw-sqlite.js'
import type { Contestant, Row } from './row.js'

const CONCURRENCY = 100
/** Rows per claim on both sides. */
const BATCH = 100

type Durability = 'os' | 'full'

/** No-op tasks waiting in a SQLite file, one worker, against the binding's own claim and delete in batches of equal size. */
export function sqliteNoop(durability: Durability, tasks: number): Row {
  return {
    name: `SQLite, durability ${durability}: ${tasks} waiting no-ops, one worker, concurrency ${CONCURRENCY}`,
    ours: lovage(durability, tasks),
    theirs: binding(durability, tasks),
    aim: 0.35,
  }
}

function lovage(durability: Durability, tasks: number): Contestant {
  return {
    name: 'lovage worker',
    run: () =>
      inFolder(async folder => {
        const app = new App('bench', {
          brokerUrl: `sqlite:///${join(folder, 'bench.db')}`,
          durability,
          taskIgnoreResult: true,
          taskAcksLate: true,
          workerPrefetchMultiplier: 4,
        })
        let ran = 0
        let done: () => void
        const all = new Promise<void>(resolve => {
          done = resolve
        })
        let started = 0
        const noop = app.task('bench.noop', (_a: number, _b: number) => {
          if (ran === 0) started = performance.now()
          if (++ran === tasks) done()
        })
        for (let sent = 0; sent < tasks; sent += 1000) {
          await app.publishMany(Array.from({ length: 1000 }, (_, i) => noop.s(sent, i)))
        }
        const worker = new Worker(app, { concurrency: CONCURRENCY })
        await worker.start()
        await all
        const seconds = (performance.now() - started) / 1000
        await worker.stop('warm')
        await app[Symbol.asyncDispose]()
        return tasks / seconds
      }),
  }
}

/**
 * The smallest queue there can be: one table with the same message (headers, properties, body) in it, in the order a
 * queue needs (priority, then age). Claim a batch, delete it, each in a transaction of its own, as a worker must.
 */
function binding(durability: Durability, tasks: number): Contestant {
  return {
    name: 'binding: claim + delete',
    run: () =>
      inFolder(async folder => {
        const { headers, properties, body } = sampleMessage()
        const db = openRaw(join(folder, 'raw.db'))
        db.exec('PRAGMA journal_mode = WAL; PRAGMA temp_store = memory;')
        db.exec(`PRAGMA synchronous = ${durability === 'full' ? 'FULL' : 'NORMAL'};`)
        db.exec(
          'CREATE TABLE m (id INTEGER PRIMARY KEY, queue TEXT, priority INTEGER, holder INTEGER, headers TEXT, properties TEXT, body BLOB)',
        )
        db.exec('CREATE INDEX ready ON m (queue, priority DESC, id) WHERE holder IS NULL')
        db.exec('BEGIN')
        const insert = db.prepare(
          "INSERT INTO m (queue, priority, headers, properties, body) VALUES ('celery', 0, ?, ?, ?)",
        )
        for (let i = 0; i < tasks; i++) insert.run(headers, properties, body)
        db.exec('COMMIT')
        const claim = db.prepare(
          `UPDATE m SET holder = 1 WHERE id IN (SELECT id FROM m WHERE queue = 'celery' AND holder IS NULL ORDER BY priority DESC, id LIMIT ${BATCH}) RETURNING id, headers, properties, body`,
        )
        const remove = db.prepare('DELETE FROM m WHERE id = ? AND holder = 1')
        const started = performance.now()
        for (let done = 0; done < tasks; ) {
          const rows = claim.all() as { readonly id: number }[]
          db.exec('BEGIN IMMEDIATE')
          for (const { id } of rows) remove.run(id)
          db.exec('COMMIT')
          done += rows.length
        }
        const seconds = (performance.now() - started) / 1000
        db.close()
        return tasks / seconds
      }),
  }
}

/** What a client sends for the no-op, as it lies in the store. */
function sampleMessage(): { readonly headers: string; readonly properties: string; readonly body: Uint8Array } {
  const codec = createCodec({ accept: ['json'], serializer: 'json' })
  const id = '5f2b1a34-7e0c-5d1f-9a86-6c6f76616765'
  const { headers, properties, body } = encodeTask(
    { id: taskId(id), task: taskName('bench.noop'), args: [1, 2] },
    codec,
  )
  return { headers: JSON.stringify(headers), properties: JSON.stringify(properties), body }
}

async function inFolder<T>(act: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'lovage-bench-'))
  try {
    return await act(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
