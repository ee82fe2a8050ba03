import { taskId } from '../../../src/protocol/ids.js'
import { sqliteBackend } from '../../support/backends/backend-places.js'

/* store-results PATH COUNT: stores `r0` … one after another, saying each when it is stored. */

const [path = '', count = '0'] = process.argv.slice(2)
await using backend = sqliteBackend(path)
for (let i = 0; i < Number(count); i++) {
  const id = taskId(`r${i}`)
  const meta = {
    taskId: id,
    status: 'SUCCESS',
    result: i,
    error: undefined,
    traceback: undefined,
    children: [],
    dateDone: '2026-11-20T08:51:09.816613+00:00',
  }
  await backend.store(meta, { ttl: undefined, fence: undefined })
  console.log(id)
}
