import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigError } from '../lib/errors.js'
import { camelCase, snakeCase } from './camel-case.js'
import { SETTING_READERS, type Setting } from './setting-types.js'
import {
  defineConfig,
  environmentName,
  maskSetting,
  resolveSettings,
  SETTING_ALIASES,
  type SettingName,
  type SettingsInput,
  settingsFrom,
} from './settings.js'
import { SETTINGS } from './settings-table.js'

const rows = Object.entries(SETTINGS) as [SettingName, Setting][]

/** As a configuration of unknown origin comes: nothing is known of its names and types. */
function foreign(values: Record<string, unknown>): SettingsInput {
  return values as SettingsInput
}

function refusal(run: () => unknown): ConfigError {
  try {
    run()
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    return error
  }
  assert.fail('nothing was thrown')
}

test('every default is a value its own reader accepts', () => {
  for (const [name, row] of rows) {
    if (row.default !== null) assert.notEqual(SETTING_READERS[row.type].read(row.default, row), undefined, name)
  }
})

test('every setting says in a sentence what it does', () => {
  for (const [name, row] of rows) assert.match(row.doc, /^[A-Z‘'`].*\.$/s, name)
})

test('no name in any style means two settings', () => {
  for (const [name, row] of rows) {
    const snake = snakeCase(name)
    for (const alias of [name, snake, snake.toUpperCase(), row.old ?? name]) {
      assert.equal(SETTING_ALIASES.get(alias), name, alias)
    }
    assert.equal(camelCase(snake), name)
  }
})

test('without any setting messages and results go to one file in the working directory', () => {
  const { settings, origins } = resolveSettings({})
  assert.equal(settings.brokerUrl, 'sqlite:///lovage.db')
  assert.equal(settings.resultBackend, 'db+sqlite:///lovage.db')
  assert.equal(origins.brokerUrl, 'default')
})

test('with a broker and no result backend there are no results, as in Celery', () => {
  assert.equal(resolveSettings({ code: { brokerUrl: 'memory://' } }).settings.resultBackend, undefined)
})

test('a result backend set to null stays unset', () => {
  assert.equal(resolveSettings({ code: { resultBackend: null } }).settings.resultBackend, undefined)
})

test('a bare number of time is in seconds, text has a unit, inside all is milliseconds', () => {
  const { settings } = resolveSettings({
    code: { taskTimeLimit: 30, taskSoftTimeLimit: '25s', resultExpires: '2h', publishTimeout: '250ms' },
  })
  assert.equal(settings.taskTimeLimit, 30_000)
  assert.equal(settings.taskSoftTimeLimit, 25_000)
  assert.equal(settings.resultExpires, 7_200_000)
  assert.equal(settings.publishTimeout, 250)
  assert.equal(settings.leaseTime, 20_000)
  assert.deepEqual(settings.taskPublishRetryPolicy, {
    maxRetries: 3,
    intervalStart: 0,
    intervalStep: 200,
    intervalMax: 1000,
  })
})

test('null means unset where a setting may be unset, and for ever for the life of results', () => {
  const { settings } = resolveSettings({ code: { taskTimeLimit: null, resultExpires: null } })
  assert.equal(settings.taskTimeLimit, undefined)
  assert.equal(settings.resultExpires, undefined)
  assert.equal(refusal(() => resolveSettings({ code: foreign({ taskAcksLate: null }) })).code, 'LVG_BAD_SETTING')
})

test("Celery's names are accepted in every style, mixed as people like", () => {
  const { settings } = resolveSettings({
    code: foreign({
      task_acks_late: true,
      CELERY_DEFAULT_QUEUE: 'mail',
      CELERYD_PREFETCH_MULTIPLIER: 1,
      BROKER_URL: 'memory://',
      CELERY_TASK_SERIALIZER: 'json',
      CELERY_WORKER_SEND_TASK_EVENTS: true,
      workerConcurrency: 8,
    }),
  })
  assert.equal(settings.taskAcksLate, true)
  assert.equal(settings.taskDefaultQueue, 'mail')
  assert.equal(settings.workerPrefetchMultiplier, 1)
  assert.equal(settings.brokerUrl, 'memory://')
  assert.equal(settings.workerSendTaskEvents, true)
  assert.equal(settings.workerConcurrency, 8)
})

test('one setting under two names is an error that shows both', () => {
  const error = refusal(() => resolveSettings({ code: foreign({ taskAcksLate: true, CELERY_ACKS_LATE: false }) }))
  assert.equal(error.code, 'LVG_SETTING_TWICE')
  assert.match(error.message, /`taskAcksLate`.*`CELERY_ACKS_LATE`/)
})

test('groups of settings may be written nested', () => {
  const config = defineConfig({
    worker: { pool: 'inline', concurrency: 8, softShutdownTimeout: '10s' },
    task: { acksLate: true },
    result: { expires: 60 },
  })
  const { settings } = resolveSettings({ file: config })
  assert.equal(settings.workerPool, 'inline')
  assert.equal(settings.workerConcurrency, 8)
  assert.equal(settings.workerSoftShutdownTimeout, 10_000)
  assert.equal(settings.taskAcksLate, true)
  assert.equal(settings.resultExpires, 60_000)
})

test('a setting both in a group and by itself is given twice', () => {
  const error = refusal(() => resolveSettings({ file: { worker: { concurrency: 8 }, workerConcurrency: 4 } }))
  assert.equal(error.code, 'LVG_SETTING_TWICE')
  assert.match(error.message, /`worker\.concurrency`/)
})

test('an unknown key is an error with its path and the nearest name', () => {
  const error = refusal(() => resolveSettings({ file: foreign({ worker: { concurency: 8 } }) }))
  assert.equal(error.code, 'LVG_UNKNOWN_SETTING')
  assert.match(error.message, /`worker\.concurency` \(file\).*`workerConcurrency`/)
})

test('everything that is wrong is told at once', () => {
  const error = refusal(() =>
    resolveSettings({ code: foreign({ taskAckLate: true, workerConcurrency: 0, taskTimeLimit: 'soon' }) }),
  )
  assert.match(error.message, /^3 problems:/)
  assert.match(error.message, /Did you mean `taskAcksLate`/)
  assert.match(error.message, /`workerConcurrency` \(code\) must be a whole number, 1 or more; it is 0/)
  assert.match(error.message, /`taskTimeLimit` \(code\) must be a span.*it is 'soon'/)
})

test('M48 a value of the wrong type is an error that names the key and what it must be', () => {
  for (const [values, expected] of [
    [{ taskAcksLate: 'yes' }, /true or false/],
    [{ workerConcurrency: '8' }, /whole number/],
    [{ brokerUrl: 7 }, /a URL/],
    [{ durability: 'none' }, /one of full, os/],
    [{ redisPort: 99_999 }, /1 to 65535/],
    [{ taskRoutes: 'mail' }, /a map from task names/],
    [{ taskQueues: 7 }, /queues by name/],
    [{ taskPublishRetryPolicy: { max: 3 } }, /maxRetries/],
    [{ taskDefaultDeliveryMode: 3 }, /'transient'/],
    [{ taskDefaultRateLimit: '10/week' }, /'10\/s'/],
    [{ taskTimeLimit: -1 }, /a span/],
    [{ taskTimeLimit: Number.NaN }, /a span/],
    [{ acceptContent: [1] }, /list of texts/],
  ] as const) {
    const error = refusal(() => resolveSettings({ code: foreign(values) }))
    assert.equal(error.code, 'LVG_BAD_SETTING')
    assert.match(error.message, expected)
  }
})

test('M48 secrets do not appear in errors about settings', () => {
  const error = refusal(() =>
    resolveSettings({
      code: foreign({ brokerUrl: { url: 'amqp://u:canary1@h', password: 'canary2' }, redisPassword: ['canary3'] }),
    }),
  )
  assert.doesNotMatch(error.message, /canary/)
})

test('S80 settings are shown without passwords, at any depth', () => {
  assert.equal(maskSetting('brokerReadUrl', 'amqp://u:canary@h'), 'amqp://u:********@h')
  assert.equal(maskSetting('redisPassword', 'canary'), '********')
  assert.equal(maskSetting('securityKeyPassword', undefined), undefined)
  assert.deepEqual(
    maskSetting('brokerTransportOptions', {
      retries: 3,
      sentinelKwargs: { password: 'canary' },
      urls: ['redis://:canary@h'],
    }),
    { retries: 3, sentinelKwargs: { password: '********' }, urls: ['redis://:********@h'] },
  )
  assert.equal(maskSetting('taskDefaultRoutingKey', 'mail'), 'mail')
})

test('flags win over the environment, it over the file, it over the code, it over defaults', () => {
  const layers = {
    code: { taskDefaultQueue: 'code', taskAcksLate: true, workerConcurrency: 1, workerName: 'code' },
    file: { taskDefaultQueue: 'file', workerConcurrency: 2, workerName: 'file' },
    environment: { LOVAGE_TASK_DEFAULT_QUEUE: 'environment', LOVAGE_WORKER_CONCURRENCY: '3' },
    flags: { taskDefaultQueue: 'flag' },
  } as const
  const { settings, origins } = resolveSettings(layers)
  assert.deepEqual(
    [settings.taskDefaultQueue, settings.workerConcurrency, settings.workerName, settings.taskAcksLate],
    ['flag', 3, 'file', true],
  )
  assert.deepEqual(
    [origins.taskDefaultQueue, origins.workerConcurrency, origins.workerName, origins.taskAcksLate, origins.taskQueues],
    ['flag', 'environment', 'file', 'code', 'default'],
  )
})

test('values from the environment are read by their type', () => {
  const { settings } = resolveSettings({
    environment: {
      LOVAGE_TASK_ACKS_LATE: 'true',
      LOVAGE_PUBLISH_TIMEOUT: '10',
      LOVAGE_RESULT_EXPIRES: '2h',
      LOVAGE_WORKER_QUEUES: 'mail, images',
      LOVAGE_TASK_ROUTES: '{"mail.*": "mail"}',
      LOVAGE_BROKER_USE_SSL: 'on',
      LOVAGE_WORKER_NAME: '',
    },
  })
  assert.equal(settings.taskAcksLate, true)
  assert.equal(settings.publishTimeout, 10_000)
  assert.equal(settings.resultExpires, 7_200_000)
  assert.deepEqual(settings.workerQueues, ['mail', 'images'])
  assert.deepEqual(settings.taskRoutes, { 'mail.*': 'mail' })
  assert.equal(settings.brokerUseSsl, true)
  assert.equal(settings.workerName, undefined)
})

test("Celery's own environment variables are read, ours win over them", () => {
  const celery = { CELERY_BROKER_URL: 'memory://', CELERY_RESULT_BACKEND: 'cache+memory://' }
  const { settings } = resolveSettings({ environment: celery })
  assert.equal(settings.brokerUrl, 'memory://')
  assert.equal(settings.resultBackend, 'cache+memory://')
  const both = resolveSettings({ environment: { ...celery, LOVAGE_BROKER_URL: 'sqlite:///own.db' } })
  assert.equal(both.settings.brokerUrl, 'sqlite:///own.db')
})

test('a bad value from the environment is reported under the name of the variable', () => {
  const error = refusal(() => resolveSettings({ environment: { LOVAGE_WORKER_CONCURRENCY: 'many' } }))
  assert.match(error.message, /`LOVAGE_WORKER_CONCURRENCY` \(environment\).*'many'/)
})

test('a mistyped variable is a warning, a foreign one is nothing', () => {
  const { warnings } = resolveSettings({
    environment: { LOVAGE_BROKER_ULR: 'memory://', LOVAGE_SEED: '7', PATH: '/bin' },
  })
  assert.equal(warnings.length, 1)
  assert.match(warnings[0] ?? '', /LOVAGE_BROKER_ULR is not read; did you mean LOVAGE_BROKER_URL\?/)
})

test('a setting that means nothing here is accepted with a warning', () => {
  const { warnings } = resolveSettings({ code: foreign({ worker_autoscaler: 'my:Autoscaler' }) })
  assert.match(warnings[0] ?? '', /`worker_autoscaler` has no effect/)
})

test("profile 'safe' turns on late acks, reject on worker lost, and fair prefetch, under what is given", () => {
  const { settings, origins } = resolveSettings({ code: { profile: 'safe', workerPrefetchMultiplier: 2 } })
  assert.equal(settings.taskAcksLate, true)
  assert.equal(settings.taskRejectOnWorkerLost, true)
  assert.equal(settings.workerPrefetchMultiplier, 2)
  assert.deepEqual([origins.taskAcksLate, origins.workerPrefetchMultiplier], ['profile', 'code'])
  const { settings: celery } = resolveSettings({})
  assert.deepEqual([celery.taskAcksLate, celery.workerPrefetchMultiplier], [false, 4])
})

test('alternatives of a broker may be a list', () => {
  const { settings } = resolveSettings({ code: { brokerUrl: ['sqlite:///a.db', 'sqlite:///b.db'] } })
  assert.equal(settings.brokerUrl, 'sqlite:///a.db;sqlite:///b.db')
})

test('a foreign configuration comes out under our names, checked', () => {
  assert.deepEqual(settingsFrom({ task_acks_late: true, CELERY_DEFAULT_QUEUE: 'mail' }), {
    taskAcksLate: true,
    taskDefaultQueue: 'mail',
  })
  assert.equal(refusal(() => settingsFrom({ task_acks_late: 'yes' })).code, 'LVG_BAD_SETTING')
})

test('the variable of a setting is its name in capitals', () => {
  assert.equal(environmentName('brokerUrl'), 'LOVAGE_BROKER_URL')
  assert.equal(environmentName('s3AccessKeyId'), 'LOVAGE_S3_ACCESS_KEY_ID')
})
