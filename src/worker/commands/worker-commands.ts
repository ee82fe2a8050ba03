import { CommandError } from '../../control/command-error.js'
import type { CommandTable } from '../../control/command-table.js'
import type { Dict } from '../../protocol/dict.js'
import { clock } from './clock.js'
import { conf } from './conf.js'
import { disableEvents, election, enableEvents, heartbeat } from './events.js'
import { hello } from './hello.js'
import { rateLimit, timeLimit } from './limits.js'
import { MemorySamples, objgraph } from './memory.js'
import { ping } from './ping.js'
import { autoscale, poolGrow, poolRestart, poolShrink } from './pool.js'
import { activeQueues, addConsumer, cancelConsumer } from './queues.js'
import { registered } from './registered.js'
import { report } from './report.js'
import { revoke, revokeByStampedHeaders, revoked, terminate } from './revoke.js'
import { shutdown } from './shutdown.js'
import { stats } from './stats.js'
import { active, queryTask, reserved, scheduled } from './tasks.js'
import type { WorkerView } from './worker-view.js'

type Run = (args: Dict) => unknown

/** Every command of Celery's, by its name on the wire, acting on this worker. */
export function workerCommands(worker: WorkerView): CommandTable {
  const memory = new MemorySamples(worker.runtime)
  const commands: ReadonlyMap<string, Run> = new Map<string, Run>([
    ['ping', ping],
    ['clock', () => clock(worker)],
    ['hello', args => hello(worker, args)],
    ['report', () => report(worker)],
    ['conf', args => conf(worker, args)],
    ['stats', () => stats(worker)],
    ['active_queues', () => activeQueues(worker)],
    ['registered', args => registered(worker, args)],
    ['active', args => active(worker, args)],
    ['reserved', () => reserved(worker)],
    ['scheduled', () => scheduled(worker)],
    ['query_task', args => queryTask(worker, args)],
    ['revoked', () => revoked(worker)],
    ['memsample', () => memory.sample()],
    ['memdump', args => memory.dump(args)],
    ['objgraph', objgraph],
    ['revoke', args => revoke(worker, args)],
    ['terminate', args => terminate(worker, args)],
    ['revoke_by_stamped_headers', args => revokeByStampedHeaders(worker, args)],
    ['rate_limit', args => rateLimit(worker, args)],
    ['time_limit', args => timeLimit(worker, args)],
    ['enable_events', () => enableEvents(worker)],
    ['disable_events', () => disableEvents(worker)],
    ['heartbeat', () => heartbeat(worker)],
    ['election', args => election(worker, args)],
    ['pool_grow', args => poolGrow(worker, args)],
    ['pool_shrink', args => poolShrink(worker, args)],
    ['pool_restart', () => poolRestart(worker)],
    ['autoscale', args => autoscale(worker, args)],
    ['add_consumer', args => addConsumer(worker, args)],
    ['cancel_consumer', args => cancelConsumer(worker, args)],
    ['shutdown', args => shutdown(worker, args)],
  ])
  return {
    run: (method, args) => {
      const command = commands.get(method)
      if (command === undefined) throw new CommandError('KeyError', method)
      return command(args)
    },
  }
}
