import { pythonRepr } from './python-repr.js'
import type { ExceptionInfo } from './result-meta.js'

/** `ValueError('boom', 42)`: an exception as Python prints it, for logs, events and chord errors. At most 8 KiB (L13). */
export function exceptionRepr(error: ExceptionInfo): string {
  return `${error.type}(${error.args.map(arg => pythonRepr(arg, 8192)).join(', ')})`
}
