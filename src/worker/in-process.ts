import type { App } from '../app/app.js'
import { runnableOf } from '../app/runnable-of.js'
import type { Runtime } from '../lib/runtime.js'
import type { CallAsks, Execute } from '../pools/call-control.js'
import { attemptNumber } from '../protocol/attempt-number.js'
import { type ExecuteParts, execute } from './execute.js'
import { keptLogLines } from './kept-log-lines.js'
import type { Witness } from './loop-watch.js'

/** How the inline pool runs a call: here, on the worker's own event loop, which `witness` watches. */
export function inProcess(app: App, runtime: Runtime, asks: CallAsks, witness: Witness): Execute {
  const parts: ExecuteParts = {
    ...asks,
    runtime,
    app,
    extensions: app.extensions,
    find: request => runnableOf(request.task, app),
    keepLogLines: keptLogLines(app),
    fence: running => ({ retries: attemptNumber(running.request), claim: running.claim }),
    witness,
  }
  return (call, control) => execute(call, control, parts)
}
