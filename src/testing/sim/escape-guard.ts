import nodeCrypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import { LovageError } from '../../lib/errors.js'
import { SimEscapeError } from './errors.js'

const GUARD: unique symbol = Symbol('lovage simulation')

interface Patch {
  readonly target: object
  readonly key: string
  readonly value: unknown
}

/**
 * Makes the real clock, timers, chance and network throw `SimEscapeError` until disposed: for the whole process, so only
 * one simulation can run at a time. What a module took for itself before cannot be guarded; the architecture test sees
 * to that within Lovage.
 *
 * @throws LovageError `LVG_SIM_BUSY` while another simulation runs.
 */
export function guardAgainstEscape(): Disposable {
  if (GUARD in globalThis.setTimeout) {
    throw new LovageError(
      'LVG_SIM_BUSY',
      'Another simulation is running in this process; await it first, or run the two in processes of their own.',
    )
  }
  const undo = patches().map(apply)
  syncBuiltinESMExports()
  return {
    [Symbol.dispose]: () => {
      for (const restore of undo.splice(0)) restore()
      syncBuiltinESMExports()
    },
  }
}

function patches(): readonly Patch[] {
  const forbid = (target: object, owner: string, keys: readonly string[]): Patch[] =>
    keys.map(key => ({ target, key, value: thrower(owner === '' ? key : `${owner}.${key}`) }))
  return [
    { target: globalThis, key: 'Date', value: guardedDate() },
    ...forbid(globalThis, '', ['setTimeout', 'setInterval', 'setImmediate', 'fetch']),
    ...forbid(performance, 'performance', ['now']),
    ...forbid(Math, 'Math', ['random']),
    ...forbid(AbortSignal, 'AbortSignal', ['timeout']),
    ...forbid(globalThis.crypto, 'crypto', ['getRandomValues', 'randomUUID']),
    ...forbid(nodeCrypto, 'node:crypto', ['randomBytes', 'randomFill', 'randomFillSync', 'randomInt', 'randomUUID']),
  ]
}

function apply({ target, key, value }: Patch): () => void {
  const before = Object.getOwnPropertyDescriptor(target, key)
  Object.defineProperty(target, key, {
    value,
    configurable: true,
    writable: true,
    enumerable: before?.enumerable ?? false,
  })
  return () => {
    if (before === undefined) Reflect.deleteProperty(target, key)
    else Object.defineProperty(target, key, before)
  }
}

function thrower(what: string): () => never {
  const guarded = (): never => {
    throw new SimEscapeError(what)
  }
  return Object.assign(guarded, { [GUARD]: true })
}

/** `Date` as it is, except for asking what time it is. */
function guardedDate(): unknown {
  return new Proxy(Date, {
    apply: thrower('Date()'),
    construct: (target, args, newTarget) => {
      if (args.length === 0) throw new SimEscapeError('new Date()')
      return Reflect.construct(target, args, newTarget)
    },
    get: (target, key) => (key === 'now' ? thrower('Date.now') : Reflect.get(target, key)),
  })
}
