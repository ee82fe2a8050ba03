import { LovageError } from '../lib/errors.js'
import { cutText } from './cut-text.js'
import { DEFAULT_LIMITS } from './limits.js'
import { pythonRepr } from './python-repr.js'
import type { ExceptionInfo } from './result-meta.js'

/*
 * Anything that user code can throw, as the exception record that Python and we store.
 *
 * Python raises a class again when its module is already imported there, so the errors of the language become Python's
 * built-ins and Celery's own keep their modules. A class of the user's has module null: a Python reader then makes up
 * an exception class of that name. Source: celery/backends/base.py `prepare_exception`, `exception_to_python`.
 */

export interface ThrownException {
  readonly error: ExceptionInfo
  readonly traceback: string | undefined
}

/** Errors of JavaScript and the platform, by class name. */
const BUILT_IN: ReadonlyMap<string, string> = new Map([
  ['TypeError', 'TypeError'],
  ['RangeError', 'ValueError'],
  ['SyntaxError', 'ValueError'],
  ['URIError', 'ValueError'],
  ['ReferenceError', 'NameError'],
  ['EvalError', 'RuntimeError'],
])

/** Ours that are Celery's and no `TaskError`: only believed of a `LovageError`, since a user may have a class of the same name. */
const CELERY: ReadonlyMap<string, string> = new Map([
  ['Ignore', 'celery.exceptions'],
  ['Reject', 'celery.exceptions'],
  ['Retry', 'celery.exceptions'],
  ['TimeoutError', 'celery.exceptions'],
  ['EncodeError', 'kombu.exceptions'],
])

const MAX_CAUSES = 8
const MAX_NAME = 255
const UNPRINTABLE = '<unprintable>'

/** Never throws, whatever was thrown: null, text, proxies, getters that throw. Message and traceback are cut to L13. */
export function exceptionInfoOf(error: unknown): ThrownException {
  if (!isObject(error)) return { error: { type: 'Error', args: [printed(error)], module: null }, traceback: undefined }
  // A revoked proxy throws at everything, even at instanceof.
  return (
    read(() => ofObject(error)) ?? { error: { type: 'Error', args: [UNPRINTABLE], module: null }, traceback: undefined }
  )
}

function ofObject(error: object): ThrownException {
  const name = nameOf(error)
  const message = messageOf(error)
  const info = carriedException(error) ?? { ...pythonClass(error, name), args: [message] }
  return { error: info, traceback: tracebackOf(error, name, message) }
}

/** An error that stands for a stored one (`TaskError`) is stored again as it was. */
function carriedException(error: object): ExceptionInfo | undefined {
  if (!(error instanceof LovageError)) return undefined
  const {
    excType: type,
    excMessage: args,
    excModule: module,
  } = error as { excType?: unknown; excMessage?: unknown; excModule?: unknown }
  if (typeof type !== 'string' || !Array.isArray(args)) return undefined
  return { type, args, module: typeof module === 'string' ? module : null }
}

function pythonClass(error: object, name: string): { readonly type: string; readonly module: string | null } {
  const celery = error instanceof LovageError ? CELERY.get(name) : undefined
  if (celery !== undefined) return { type: name, module: celery }
  if (isPlatformTimeout(error, name)) return { type: 'TimeoutError', module: 'builtins' }
  const builtIn = isBuiltIn(error, name) ? BUILT_IN.get(name) : undefined
  return builtIn === undefined ? { type: name, module: null } : { type: builtIn, module: 'builtins' }
}

/** The class itself, not one of the user's that has the same name or inherits it. */
function isBuiltIn(error: object, name: string): boolean {
  const prototype: unknown = Object.getPrototypeOf(error)
  return (
    prototype ===
    (globalThis as unknown as Record<string, { readonly prototype?: unknown } | undefined>)[name]?.prototype
  )
}

/** What `AbortSignal.timeout` aborts with. */
function isPlatformTimeout(error: object, name: string): boolean {
  return name === 'TimeoutError' && error instanceof DOMException
}

/** The name its class gave itself, else the name of the class: `class PaymentError extends Error {}` inherits 'Error'. */
function nameOf(error: object): string {
  const own = read(() => (isOwnName(error) ? (error as { name?: unknown }).name : undefined))
  if (isUsableName(own)) return own
  const ofClass = read(() => error.constructor.name)
  return isUsableName(ofClass) && ofClass !== 'Object' ? ofClass : 'Error'
}

function isOwnName(error: object): boolean {
  return Object.hasOwn(error, 'name') || Object.hasOwn(Object.getPrototypeOf(error) ?? {}, 'name')
}

function isUsableName(name: unknown): name is string {
  return typeof name === 'string' && name !== '' && name.length <= MAX_NAME
}

function messageOf(error: object): string {
  const message = read(() => (error as { readonly message?: unknown }).message)
  if (typeof message === 'string') return cutText(message, DEFAULT_LIMITS.exceptionBytes)
  return printed(message === undefined ? error : message)
}

/** The stack, then those of its causes. */
function tracebackOf(error: object, name: string, message: string): string | undefined {
  const own = stackOf(error) ?? `${name}: ${message}`
  let text = own
  let cause = causeOf(error)
  for (let i = 0; i < MAX_CAUSES && cause !== undefined && text.length < DEFAULT_LIMITS.tracebackBytes; i++) {
    text += `\n[cause]: ${isObject(cause) ? (stackOf(cause) ?? `${nameOf(cause)}: ${messageOf(cause)}`) : printed(cause)}`
    cause = isObject(cause) ? causeOf(cause) : undefined
  }
  return cutText(text, DEFAULT_LIMITS.tracebackBytes)
}

function stackOf(error: object): string | undefined {
  const stack = read(() => (error as { readonly stack?: unknown }).stack)
  return typeof stack === 'string' && stack !== '' ? stack : undefined
}

function causeOf(error: object): unknown {
  return read(() => (error as { readonly cause?: unknown }).cause)
}

/** A value that is no error, as text. */
function printed(value: unknown): string {
  if (typeof value === 'string') return cutText(value, DEFAULT_LIMITS.exceptionBytes)
  if (!isObject(value)) return String(value)
  const text = read(() => pythonRepr(value, DEFAULT_LIMITS.reprLength)) ?? UNPRINTABLE
  return cutText(text, DEFAULT_LIMITS.exceptionBytes)
}

function read<T>(getter: () => T): T | undefined {
  try {
    return getter()
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
}
