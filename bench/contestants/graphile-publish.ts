import { BULK } from '../noop-app.js'
import { dropGraphile, graphilePreset, loadGraphile } from '../peers/graphile.js'
import type { Contestant } from '../row.js'
import { type Publishing, publishing } from './publishing.js'

/** `addJobs`, a thousand at a time. */
export async function graphilePublish(how: Publishing): Promise<Contestant> {
  await dropGraphile()
  const utils = await loadGraphile().makeWorkerUtils(graphilePreset(false))
  await utils.migrate()
  return {
    name: 'graphile-worker addJobs',
    run: () =>
      publishing(how, async () => {
        for (let sent = 0; sent < how.tasks; sent += BULK) {
          await utils.addJobs(
            Array.from({ length: BULK }, (_, i) => ({ identifier: 'noop', payload: { a: sent, b: i } })),
          )
        }
      }),
    async [Symbol.asyncDispose]() {
      await utils.release()
      await dropGraphile()
    },
  }
}
