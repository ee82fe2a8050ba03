import { join } from 'node:path'
import { createCodec } from '../../src/protocol/create-codec.js'
import { encodeTask } from '../../src/protocol/encode-task.js'
import { taskId, taskName } from '../../src/protocol/ids.js'
import { inFolder, measured } from '../noop-app.js'
import { openRaw } from '../raw-sqlite.js'
import type { Contestant, Row } from '../row.js'
import { CONCURRENCY, type Durability, drainSqlite } from './sqlite-drain.js'

/** Rows per claim on both sides. */
const BATCH = 100

/** No-op tasks waiting in a SQLite file, one worker, against the binding's own claim and delete in batches of equal size. */
export function sqliteNoop(durability: Durability, tasks: number): Row {
  return {
    name: `sqlite-${durability}`,
    title: `SQLite, durability ${durability}: ${tasks} waiting no-ops, one worker, concurrency ${CONCURRENCY}`,
    needsRedis: false,
    figures: [
      { name: 'rate', unit: 'tasks/s', aim: { kind: 'ratio-at-least', value: 0.35 } },
      { name: 'cpu', unit: 'µs' },
    ],
    open: async () => ({
      ours: drainSqlite(durability, tasks),
      theirs: binding(durability, tasks),
      async [Symbol.asyncDispose]() {},
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
        const { seconds, cpu } = await measured(async () => {
          for (let done = 0; done < tasks; ) {
            const rows = claim.all() as { readonly id: number }[]
            db.exec('BEGIN IMMEDIATE')
            for (const { id } of rows) remove.run(id)
            db.exec('COMMIT')
            done += rows.length
          }
        })
        db.close()
        return { rate: tasks / seconds, cpu: cpu / tasks }
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
