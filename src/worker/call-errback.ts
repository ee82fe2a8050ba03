import type { App } from '../app/app.js'
import { bindArguments } from '../app/bind-arguments.js'
import type { TaskRequest } from '../protocol/request.js'
import type { ExceptionInfo } from '../protocol/result-meta.js'
import type { Signature } from '../protocol/signature.js'

/** An inline errback: called like a function, its errors logged and swallowed. Source: celery/backends/base.py _call_task_errbacks. */
export function callErrback(
  signature: Signature,
  request: TaskRequest,
  error: ExceptionInfo,
  traceback: string | undefined,
  app: App,
): void {
  const complain = (cause: unknown): void =>
    app.runtime.log.error(`Errback ${signature.task} of ${request.id} failed: ${String(cause)}`, { error: cause })
  const task = app.findTask(signature.task)
  if (task === undefined) return
  const given = signature.immutable ? signature.args : [request, error, traceback, ...signature.args]
  const { params } = app.taskOptions(signature.task) ?? task.options
  try {
    const args = bindArguments(signature.task, given, signature.kwargs, params, task.handler.length)
    Promise.resolve(task.handler(...(args as never[]))).catch(complain)
  } catch (cause) {
    complain(cause)
  }
}
