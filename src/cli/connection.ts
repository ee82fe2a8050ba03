import type { Connection } from '../brokers/broker.js'
import type { App } from '../index.js'
import type { Io } from './io.js'

/** Lends a connection to the app's broker, and closes it. */
export async function withConnection<T>(app: App, io: Io, use: (connection: Connection) => Promise<T>): Promise<T> {
  const { host } = app.runtime
  const broker = await app.broker()
  await using connection = await broker.connect({ name: `lovage${host.pid}@${host.name}` }, io.signal)
  return await use(connection)
}
