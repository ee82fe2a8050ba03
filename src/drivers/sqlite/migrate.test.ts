import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Database } from './database.js'
import { migrate } from './migrate.js'

const SCHEMA = { component: 'things', steps: ['CREATE TABLE thing (id INTEGER PRIMARY KEY)'] } as const

test('another process may make the tables at any moment of the look, and both are content', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lovage-migrate-'))
  try {
    // The fourth look, and those behind it, have the lock.
    for (let before = 1; before <= 3; before++) {
      const path = join(folder, `${before}.db`)
      const [ours, theirs] = [0, 1].map(() => new Database(path, { durability: 'os' })) as [Database, Database]
      let looks = 0
      const interrupted = {
        path,
        run: ours.run.bind(ours),
        exec: ours.exec.bind(ours),
        transaction: ours.transaction.bind(ours),
        get: ((sql: string, ...params: readonly string[]) => {
          if (++looks === before) migrate(theirs, SCHEMA)
          return ours.get(sql, ...params)
        }) as Database['get'],
      }
      migrate(interrupted, SCHEMA)
      assert.ok(looks >= before)
      assert.deepEqual(ours.all('SELECT component, version FROM lovage_schema'), [{ component: 'things', version: 1 }])
      ours.close()
      theirs.close()
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
