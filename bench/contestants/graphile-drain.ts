import { Meter } from '../meter.js'
import { BULK } from '../noop-app.js'
import { dropGraphile, graphilePreset, loadGraphile } from '../peers/graphile.js'
import type { Contestant } from '../row.js'
import type { Drain } from './drain.js'

/** graphile-worker, ten jobs at a time as its own benchmarks have it; `batched`: see graphilePreset. */
export function graphileDrain({ tasks }: Drain, batched: boolean): Contestant {
  return {
    name: batched ? 'graphile-worker, batched' : 'graphile-worker',
    run: async () => {
      await dropGraphile()
      const { makeWorkerUtils, run } = loadGraphile()
      const utils = await makeWorkerUtils(graphilePreset(batched))
      await utils.migrate()
      for (let sent = 0; sent < tasks; sent += BULK) {
        await utils.addJobs(
          Array.from({ length: BULK }, (_, i) => ({ identifier: 'noop', payload: { a: sent, b: i } })),
        )
      }
      await utils.release()
      const meter = new Meter(tasks)
      const runner = await run({
        ...graphilePreset(batched),
        noHandleSignals: true,
        taskList: { noop: async () => meter.ran() },
      })
      const sample = await meter.done
      await runner.stop()
      return sample
    },
    [Symbol.asyncDispose]: dropGraphile,
  }
}
