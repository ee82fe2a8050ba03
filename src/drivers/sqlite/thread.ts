import { parentPort, workerData } from 'node:worker_threads'
import { nodeRuntime } from '../../lib/node-runtime.js'
import { kernelMonotonic } from '../kernel-clock.js'
import { Executor, type Reply } from './executor.js'
import type { Operations, OperationsFactory } from './operations.js'
import { nodeProcesses } from './processes.js'
import { errorToWire, type FromThread, type ThreadData, type ToThread, type WireError } from './thread-messages.js'

/* The entry of a host's thread: opens the file, then answers each posted batch with one message. */

const port = parentPort
if (port === null) throw new Error('thread.ts is the entry of a worker thread.')

const post = (message: FromThread): void => port.postMessage(message)
const { clock, random } = nodeRuntime()
// thread-host.ts starts this entry with exactly this.
const { module, options } = workerData as ThreadData

try {
  // The module was named by whoever knows its operations' types.
  const loaded = (await import(module)) as { readonly operations: OperationsFactory<never, Operations> }
  const executor = new Executor(loaded.operations, options, {
    clock,
    random,
    processes: nodeProcesses(),
    monotonic: kernelMonotonic,
    watchFile: true,
    emit: event => post({ kind: 'event', event }),
    lost: error => post({ kind: 'lost', error: errorToWire(error) }),
  })
  port.on('message', (message: ToThread) => heed(executor, message))
  post({ kind: 'ready' })
} catch (error) {
  post({ kind: 'failed', error: errorToWire(error) })
}

function heed(executor: Executor, message: ToThread): void {
  switch (message.kind) {
    case 'run':
      post(toAnswers(executor.run(message.questions)))
      break
    case 'close':
      executor.close()
      post({ kind: 'closed' })
      port?.close()
      break
    default:
      message satisfies never
  }
}

function toAnswers(replies: readonly Reply[]): FromThread {
  const errors: [number, WireError][] = []
  const values = replies.map((reply, index) => {
    if (reply.kind === 'value') return reply.value
    errors.push([index, errorToWire(reply.error)])
    return undefined
  })
  return { kind: 'answers', values, errors }
}
