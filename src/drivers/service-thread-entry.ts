import { parentPort, workerData } from 'node:worker_threads'
import { nodeRuntime } from '../lib/node-runtime.js'
import { kernelMonotonic } from './kernel-clock.js'
import type { FromService, ServiceData, ServiceFactory } from './service-thread.js'

/* The entry of a service's thread. */

const port = parentPort
if (port === null) throw new Error('service-thread-entry.ts is the entry of a worker thread.')

const post = (message: FromService): void => port.postMessage(message)
const { clock, random } = nodeRuntime()
// service-thread.ts starts this entry with exactly this.
const { module, config } = workerData as ServiceData
// The module was named by whoever knows its configuration's type.
const { service } = (await import(module)) as { readonly service: ServiceFactory<unknown> }
const running = service(config, {
  clock,
  random,
  monotonic: kernelMonotonic,
  emit: event => post({ kind: 'event', event }),
})
port.once('message', async () => {
  await running[Symbol.asyncDispose]()
  post({ kind: 'ended' })
  port.close()
})
