import { join } from 'node:path'
import { createCodec } from '../../src/protocol/create-codec.js'
import { encodeTask } from '../../src/protocol/encode-task.js'
import { taskId, taskName } from '../../src/protocol/ids.js'
import { Meter } from '../meter.js'
import { openRaw } from '../peers/raw-sqlite.js'
import { type Durability, SqlitePlace } from '../places.js'
import type { Contestant } from '../row.js'
import type { Drain } from './drain.js'

/** Rows per claim on both sides. */
const BATCH = 100

/**
 * The smallest queue there can be: one table with the same message (headers, properties, body) in it, in the order a
 * queue needs (priority, then age). Claim a batch, delete it, each in a transaction of its own, as a worker must.
 */
export function rawSqliteDrain(durability: Durability, { tasks }: Drain): Contestant {
  const place = new SqlitePlace(durability)
  return {
    name: 'binding: claim + delete',
    run: async () => {
      await place.empty()
      const { headers, properties, body } = sampleMessage()
      const db = openRaw(join(place.folder, 'raw.db'))
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
      const meter = new Meter(tasks)
      for (let done = 0; done < tasks; ) {
        const rows = claim.all() as { readonly id: number }[]
        for (const _ of rows) meter.ran()
        db.exec('BEGIN IMMEDIATE')
        for (const { id } of rows) remove.run(id)
        db.exec('COMMIT')
        done += rows.length
      }
      db.close()
      return await meter.done
    },
    [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
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
