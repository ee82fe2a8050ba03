import type { Limits } from './limits.js'
import { unpickle } from './pickle.js'
import { exceptionFromWire, exceptionToDict } from './result-dict.js'
import type { ExceptionInfo } from './result-meta.js'

/**
 * The exception in the pickle of a failed state: the plain record that Celery's database backend stores, or the instance
 * itself, which it stores with the pickle serializer, and of `SystemExit` always. An instance is read by the name of its
 * class and its arguments; those that carry further state are refused. Throws `ProtocolError`, `ResultDecodeError`.
 * Source: celery/backends/database/__init__.py `_store_result`, celery/backends/base.py `prepare_exception`.
 */
export function exceptionFromPickle(bytes: Uint8Array, limits: Limits): ExceptionInfo | undefined {
  const makerOf = (module: string, type: string) => (args: readonly unknown[]) =>
    exceptionToDict({ type, args, module })
  return exceptionFromWire(unpickle(bytes, { limits, makerOf }))
}
