import type { Connection, QueueStats } from '../brokers/broker.js'
import type { App } from '../index.js'

/** Every queue that the broker has and every one that the app declares, by name. */
export async function queueRows(app: App, connection: Connection): Promise<readonly QueueStats[]> {
  const listed = await connection.list()
  const known = new Set(listed.map(row => row.queue))
  const missing = app.queues.declared.filter(queue => !known.has(queue.name))
  const rows = [...listed, ...(await Promise.all(missing.map(queue => connection.stats(queue.name))))]
  return rows.toSorted((a, b) => (a.queue < b.queue ? -1 : 1))
}
