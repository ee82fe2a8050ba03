import { deferred } from '../../lib/deferred.js'
import type { Runtime } from '../../lib/runtime.js'
import { SqliteError } from '../errors.js'
import { Executor, type Question, type Reply } from './executor.js'
import type { HostEnd, HostOptions, SqliteHost } from './host.js'
import type { Answer, Argument, OperationName, Operations, OperationsFactory } from './operations.js'
import type { Processes } from './processes.js'

export interface LocalHostOptions<Config, Ops extends Operations> extends HostOptions<Config> {
  readonly operations: OperationsFactory<Config, Ops>
  /** Time and chance; `monotonic` is its steady clock, so all hosts of one file must share one. */
  readonly runtime: Runtime
  readonly processes: Processes
}

/**
 * The same in this thread: each call runs at once, in a transaction of its own, and sleepers are woken by polling on the
 * runtime's clock. For tests and simulation; it blocks.
 */
export function openLocalHost<Config, Ops extends Operations>(options: LocalHostOptions<Config, Ops>): SqliteHost<Ops> {
  const ended = deferred<HostEnd>()
  const { clock, random } = options.runtime
  const executor = new Executor(options.operations, options, {
    clock,
    random,
    processes: options.processes,
    monotonic: () => Math.floor(clock.steady()),
    watchFile: false,
    emit: event => options.onEvent?.(event),
    lost: error => end({ kind: 'lost', error }),
  })
  let over: HostEnd | undefined
  const end = (reason: HostEnd): void => {
    over ??= reason
    ended.resolve(over)
  }
  return {
    closed: ended.promise,
    call: <Name extends OperationName<Ops>>(name: Name, args: Argument<Ops, Name>) => {
      if (over !== undefined) return Promise.reject(refusal(over))
      return settle<Answer<Ops, Name>>(executor, { name, args })
    },
    monotonic: () => Math.floor(clock.steady()),
    keepAlive: () => undefined,
    [Symbol.asyncDispose]: async () => {
      executor.close()
      end({ kind: 'closed' })
    },
  }
}

async function settle<A>(executor: Executor, question: Question): Promise<A> {
  const [reply] = executor.run([question]) as [Reply]
  if (reply.kind === 'error') throw reply.error
  // The operation of that name has this answer type.
  return reply.value as A
}

function refusal(end: HostEnd): Error {
  return end.kind === 'lost' ? end.error : new SqliteError('THREAD', 'The SQLite file was closed.')
}
