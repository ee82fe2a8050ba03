import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { App } from '../../src/app/app.js'
import type { Setting } from '../../src/app/setting-types.js'
import { environmentName, resolveSettings, type SettingName, type SettingsInput } from '../../src/app/settings.js'
import { SETTINGS } from '../../src/app/settings-table.js'
import { ConfigError } from '../../src/lib/errors.js'
import { Worker } from '../../src/worker/worker.js'
import { handRuntime } from '../app/hand-runtime.js'

/** For each type of setting: what is of no use for it. */
const WRONG: Readonly<Record<Setting['type'], readonly unknown[]>> = {
  boolean: ['yes', 1, {}],
  text: [42, true, {}],
  zone: ['Mars/Olympus', 42, ''],
  texts: [42, { a: 1 }, [1, 2]],
  urls: [42, {}, [1]],
  'control-policy': ['everything', 7, [7], {}],
  choice: ['none of them', 42, {}],
  number: ['many', Number.NaN, Number.POSITIVE_INFINITY, {}],
  integer: [1.5, -1, '3', Number.NaN],
  positive: [0, -1, 1.5, '3'],
  count: [-1, 1.5, 'many'],
  port: [0, 99_999, -1, '80'],
  duration: ['soon', -1, Number.NaN, {}, '5 parsecs'],
  object: [42, 'text', [1]],
  tls: ['perhaps', 42, [1]],
  protocol: [0, 3, '2'],
  rate: ['fast', -1, {}],
  'delivery-mode': [0, 3, 'sometimes'],
  autoscale: ['many', '10,1,2', '-1,5', '0', 10, [0.5, 2]],
  'retry-policy': [42, { maxRetries: -1 }, { unheardOf: 1 }, { intervalMax: 'soon' }],
  queues: [42, 'text'],
  routes: [42, 'text'],
  annotations: [42, 'text'],
}

const ROWS = Object.entries(SETTINGS) as readonly (readonly [SettingName, Setting])[]

function problem(act: () => unknown, what = 'it'): ConfigError {
  try {
    act()
  } catch (error) {
    assert.ok(error instanceof ConfigError, `a ConfigError, not ${String(error)}`)
    return error
  }
  throw new assert.AssertionError({ message: `${what} was accepted` })
}

describe('M48 a setting of no use', () => {
  test('every setting, each kind of wrong value: an error that names the key, the value and what it must be', () => {
    for (const [name, row] of ROWS) {
      for (const value of WRONG[row.type]) {
        const error = problem(
          () => resolveSettings({ code: { [name]: value } as SettingsInput }),
          `${name}: ${String(value)}`,
        )
        assert.equal(error.code, 'LVG_BAD_SETTING', name)
        assert.match(error.message, new RegExp(`^Setting \`${name}\` \\(code\\) must be .+; it is .+\\.$`, 's'), name)
      }
    }
  })

  test('null where a setting cannot be unset', () => {
    for (const [name, row] of ROWS) {
      if (row.default === null || row.nullable === true) continue
      const error = problem(() => resolveSettings({ code: { [name]: null } as SettingsInput }))
      assert.match(error.message, new RegExp(`\`${name}\``))
    }
  })

  test('from the environment it is named as the person wrote it', () => {
    const wrong: readonly (readonly [SettingName, string])[] = [
      ['workerConcurrency', 'many'],
      ['workerConcurrency', '0'],
      ['publishTimeout', 'soon'],
      ['taskAcksLate', 'perhaps'],
      ['timezone', 'Mars/Olympus'],
      ['brokerTransportOptions', '{"a":'],
      ['durability', 'none'],
      ['redisDb', ' '],
    ]
    for (const [name, text] of wrong) {
      const variable = environmentName(name)
      const error = problem(() => resolveSettings({ environment: { [variable]: text } }))
      assert.match(error.message, new RegExp(`Setting \`${variable}\` \\(environment\\) must be`), name)
    }
  })

  test('from a file in the style it was written', () => {
    const error = problem(() => resolveSettings({ file: { worker_concurrency: 0 } as SettingsInput }))
    assert.match(error.message, /^Setting `worker_concurrency` \(file\) must be a whole number, 1 or more; it is 0\.$/)
  })

  test('secrets are not repeated', () => {
    for (const code of [{ redisPassword: { secret: 'hunter2' } }, { securityKeyPassword: ['hunter2'] }]) {
      const error = problem(() => resolveSettings({ code: code as unknown as SettingsInput }))
      assert.doesNotMatch(error.message, /hunter2/)
    }
  })

  test('a key nobody knows is told with the nearest one', () => {
    for (const [written, meant] of [
      ['workerConcurency', 'workerConcurrency'],
      ['brokerURL2', 'brokerUrl'],
      ['task_ack_late', 'taskAcksLate'],
    ]) {
      const error = problem(() => resolveSettings({ code: { [written as string]: 1 } as SettingsInput }))
      assert.equal(error.code, 'LVG_UNKNOWN_SETTING')
      assert.match(error.message, new RegExp(`\`${written}\`.*Did you mean \`${meant}\``))
    }
  })

  test('a long value is shortened, control characters do not reach the terminal', () => {
    const error = problem(() =>
      resolveSettings({ code: { workerConcurrency: 'x'.repeat(10_000) } as unknown as SettingsInput }),
    )
    assert.ok(error.message.length < 400)
  })
})

describe('settings that are each fine and together not, or that name what does not exist', () => {
  const cases: readonly (readonly [string, SettingsInput, string, RegExp])[] = [
    ['a serializer', { taskSerializer: 'nonsense' }, 'LVG_UNKNOWN_SERIALIZER', /nonsense.*known: json/],
    ['an accepted serializer', { acceptContent: ['nonsense'] }, 'LVG_UNKNOWN_SERIALIZER', /nonsense.*known: json/],
    ['a result serializer', { resultSerializer: 'nope' }, 'LVG_UNKNOWN_SERIALIZER', /nope.*known: json/],
    ['a queue without its name', { taskDefaultQueue: '' }, 'LVG_BAD_QUEUE', /queue name is empty/],
    ['a queue name that cannot travel', { taskQueues: ['a\u0000'] }, 'LVG_BAD_QUEUE', /control character/],
    ['a field of a queue', { taskQueues: { a: { exchange: 5 } } } as never, 'LVG_BAD_QUEUE', /taskQueues\.a\.exchange/],
    ['a route', { taskRoutes: { a: 5 } } as never, 'LVG_BAD_ROUTE', /taskRoutes/],
  ]
  for (const [what, settings, code, text] of cases) {
    test(`${what} is refused when the app is made`, () => {
      const error = problem(() => new App('x', settings, { runtime: handRuntime() }))
      assert.equal(error.code, code)
      assert.match(error.message, text)
    })
  }

  for (const [what, settings] of [
    ['a lease shorter than its renewal', { leaseTime: 5, leaseRenewInterval: 10 }],
    ['a lease of no length', { leaseTime: 0 }],
    ['a message limit beyond 128 MiB', { limitMessageBytes: 2 ** 40 }],
  ] as const) {
    test(`${what} is refused`, () => {
      problem(() => new App('x', settings, { runtime: handRuntime() }))
    })
  }
})

describe('a worker that could not work is refused', () => {
  const app = (settings: SettingsInput = {}): App => new App('x', settings, { runtime: handRuntime() })
  const cases: readonly (readonly [string, SettingsInput, object, string, RegExp])[] = [
    ['no slot', {}, { concurrency: 0 }, 'LVG_BAD_OPTION', /`concurrency` must be a whole number, 1 or more; it is 0/],
    ['half a slot', {}, { concurrency: 0.5 }, 'LVG_BAD_OPTION', /`concurrency`/],
    ['a concurrency that is text', {}, { concurrency: '4' }, 'LVG_BAD_OPTION', /`concurrency`.*'4'/],
    ['a negative prefetch', {}, { prefetchMultiplier: -1 }, 'LVG_BAD_OPTION', /`prefetchMultiplier`/],
    ['no queue', {}, { queues: [] }, 'LVG_BAD_OPTION', /no queue to consume/],
    ['every queue excluded', {}, { excludeQueues: ['celery'] }, 'LVG_BAD_OPTION', /`excludeQueues`/],
    [
      'every queue excluded by the settings',
      { workerExcludeQueues: ['celery'] },
      {},
      'LVG_BAD_OPTION',
      /workerExcludeQueues/,
    ],
    [
      'queues as one text',
      {},
      { queues: 'celery' },
      'LVG_BAD_OPTION',
      /`queues` must be a list of names; it is 'celery'/,
    ],
    ['a mistyped option', {}, { concurency: 4 }, 'LVG_UNKNOWN_OPTION', /`concurency`\. Did you mean `concurrency`\?/],
    [
      'an unknown queue, and none is made',
      { taskCreateMissingQueues: false },
      { queues: ['q'] },
      'LVG_QUEUE_NOT_FOUND',
      /`q`.*taskCreateMissingQueues/,
    ],
    ['an unknown pool', {}, { pool: 'gevent2' }, 'LVG_POOL', /gevent2/],
  ]
  for (const [what, settings, options, code, text] of cases) {
    test(what, () => {
      const error = problem(() => new Worker(app(settings), options))
      assert.equal(error.code, code)
      assert.match(error.message, text)
    })
  }
})
