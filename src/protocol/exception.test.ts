import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LovageError } from '../lib/errors.js'
import { EncodeError } from './errors.js'
import { exceptionInfoOf } from './exception.js'

class PaymentError extends Error {}

class NamedError extends Error {
  override readonly name = 'shop.Declined'
}

class MineTypeError extends TypeError {}

class Retry extends LovageError {
  override readonly name = 'Retry'
}

class UserRetry extends Error {
  override readonly name = 'Retry'
}

class RemoteError extends LovageError {
  override readonly name = 'TaskError'
  readonly excType = 'KeyError'
  readonly excMessage = ['missing', 42]
  readonly excModule = 'builtins'
}

describe('exceptionInfoOf', () => {
  it("the language's own errors become Python built-ins, those of users keep their names", () => {
    const cases: readonly (readonly [unknown, string, string | null])[] = [
      [new Error('m'), 'Error', null],
      [new TypeError('m'), 'TypeError', 'builtins'],
      [new RangeError('m'), 'ValueError', 'builtins'],
      [new SyntaxError('m'), 'ValueError', 'builtins'],
      [new URIError('m'), 'ValueError', 'builtins'],
      [new ReferenceError('m'), 'NameError', 'builtins'],
      [new EvalError('m'), 'RuntimeError', 'builtins'],
      [new AggregateError([], 'm'), 'AggregateError', null],
      [new DOMException('m', 'TimeoutError'), 'TimeoutError', 'builtins'],
      [new DOMException('m', 'AbortError'), 'AbortError', null],
      [new PaymentError('m'), 'PaymentError', null],
      [new NamedError('m'), 'shop.Declined', null],
      [new MineTypeError('m'), 'MineTypeError', null],
      [new Retry('LVG_X', 'm'), 'Retry', 'celery.exceptions'],
      [new UserRetry('m'), 'Retry', null],
      [new EncodeError('', 'm'), 'EncodeError', 'kombu.exceptions'],
    ]
    for (const [thrown, type, module] of cases) {
      const { error, traceback } = exceptionInfoOf(thrown)
      assert.deepEqual(error, { type, args: ['m'], module })
      assert.ok(typeof traceback === 'string' && traceback.length > 0, type)
    }
  })

  it('an error that stands for a stored one is stored again as it was', () => {
    const { error } = exceptionInfoOf(new RemoteError('LVG_TASK_FAILED', 'KeyError: missing'))
    assert.deepEqual(error, { type: 'KeyError', args: ['missing', 42], module: 'builtins' })
  })

  it('M50 anything thrown gives a type and one text', () => {
    const revoked = Proxy.revocable({}, {})
    revoked.revoke()
    const cases: readonly (readonly [unknown, string, string])[] = [
      [null, 'Error', 'null'],
      [undefined, 'Error', 'undefined'],
      ['boom', 'Error', 'boom'],
      [42n, 'Error', '42'],
      [Symbol('s'), 'Error', 'Symbol(s)'],
      [{ message: 'plain' }, 'Error', 'plain'],
      [{ name: 'Odd', message: { text: 1 } }, 'Odd', "{'text': 1}"],
      [{ code: 7 }, 'Error', "{'code': 7}"],
      [Object.create(null), 'Error', '{}'],
      [revoked.proxy, 'Error', '<unprintable>'],
      [throwing(), 'Error', '<unprintable>'],
    ]
    for (const [thrown, type, message] of cases) {
      assert.deepEqual(exceptionInfoOf(thrown).error, { type, args: [message], module: null })
    }
    assert.equal(exceptionInfoOf(() => 1).error.args.length, 1)
  })

  it('causes follow in the traceback, eight at most, also when they go in a circle', () => {
    const outer = new Error('outer', { cause: new Error('inner', { cause: 'root' }) })
    assert.match(exceptionInfoOf(outer).traceback ?? '', /outer.*\[cause\]: Error: inner.*\[cause\]: root/s)
    const circle = new Error('circle')
    circle.cause = circle
    assert.equal((exceptionInfoOf(circle).traceback ?? '').split('[cause]').length, 9)
  })

  it('L13 message and traceback are cut on a code point, and marked', () => {
    const error = new Error('🐎'.repeat(10_000))
    error.stack = `x${'ž'.repeat(100_000)}`
    const { error: info, traceback } = exceptionInfoOf(error)
    const message = String(info.args[0])
    assert.match(message, /^(🐎)+… \(cut\)$/u)
    assert.match(traceback ?? '', /^xž+… \(cut\)$/u)
    assert.ok(Buffer.byteLength(message) <= 8192 && Buffer.byteLength(message) > 8180)
    assert.ok(Buffer.byteLength(traceback ?? '') <= 65_536)
  })
})

function throwing(): object {
  return Object.defineProperties(
    {},
    Object.fromEntries(
      ['message', 'name', 'stack', 'cause', 'constructor'].map(name => [name, { get: fail, enumerable: true }]),
    ),
  )
}

function fail(): never {
  throw new Error('a getter')
}
