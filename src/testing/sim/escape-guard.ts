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
 * one simulation can run at a time. The functions of `node:crypto` stay wrapped after that, and do what they always did. What a module took for itself before cannot be guarded; the architecture test sees
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
  guardModule(nodeCrypto, 'node:crypto', CRYPTO)
  return {
    [Symbol.dispose]: () => {
      for (const restore of undo.splice(0)) restore()
    },
  }
}

const CRYPTO = ['randomBytes', 'randomFill', 'randomFillSync', 'randomInt', 'randomUUID'] as const

/**
 * What modules import by name changes for them only by a look at all exports of Node, which takes a fiftieth of a short simulation.
 * So this guard stays, and passes everything on while none runs.
 */
function guardModule(module: object, owner: string, keys: readonly string[]): void {
  let changed = false
  for (const key of keys) {
    const real: unknown = Reflect.get(module, key)
    if (typeof real !== 'function' || GUARD in real) continue
    const guarded = function (this: unknown, ...args: readonly unknown[]): unknown {
      if (GUARD in globalThis.setTimeout) throw new SimEscapeError(`${owner}.${key}`)
      return Reflect.apply(real, this, args)
    }
    Reflect.set(module, key, Object.assign(guarded, { [GUARD]: true }))
    changed = true
  }
  if (changed) syncBuiltinESMExports()
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

/** `Date` as it is, except for asking what time it is. No `Proxy`: every time that is written goes through it. */
function guardedDate(): unknown {
  const real = Date
  function GuardedDate(...args: readonly unknown[]): unknown {
    if (new.target === undefined) throw new SimEscapeError('Date()')
    if (args.length === 0) throw new SimEscapeError('new Date()')
    if (new.target !== GuardedDate) return Reflect.construct(real, args, new.target)
    return args.length === 1 ? new real(args[0] as number) : Reflect.construct(real, args)
  }
  return Object.defineProperties(Object.setPrototypeOf(GuardedDate, real), {
    prototype: { value: real.prototype },
    now: { value: thrower('Date.now') },
  })
}
