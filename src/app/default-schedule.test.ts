import assert from 'node:assert/strict'
import { test } from 'node:test'
import { App } from './app.js'
import { defaultSchedule } from './default-schedule.js'
import type { SettingsInput } from './settings.js'

const DAY = 86_400_000

for (const [resultBackend, resultExpires, has] of [
  ['db+sqlite:///x.db', DAY, true],
  ['sqlite:///x.db', DAY, true],
  ['db+postgresql://h/d', DAY, true],
  ['postgres://h/d', DAY, true],
  ['db+postgresql://h/d', undefined, false],
  ['redis://h/0', DAY, false],
  ['rpc://', DAY, false],
  ['memory://', DAY, false],
  ['disabled://', DAY, false],
  [undefined, DAY, false],
] as const) {
  test(`results in ${resultBackend} that live ${resultExpires ?? 'for ever'} are ${has ? '' : 'not '}cleaned up daily`, () => {
    const schedule = defaultSchedule({ resultBackend, resultExpires })
    assert.deepEqual(Object.keys(schedule), has ? ['celery.backend_cleanup'] : [])
  })
}

function scheduleOf(settings: SettingsInput): ReadonlyMap<string, unknown> {
  return new App('app', settings, { environment: {} }).schedule
}

test("an app has Celery's entry that cleans up, unless it has one of that name itself", () => {
  assert.deepEqual(scheduleOf({ resultBackend: 'db+sqlite:///x.db' }).get('celery.backend_cleanup'), {
    task: 'celery.backend_cleanup',
    schedule: '0 4 * * *',
    options: { expires: 43_200 },
  })
  const own = { task: 'celery.backend_cleanup', schedule: 60 }
  const beatSchedule = { 'celery.backend_cleanup': own }
  assert.deepEqual(scheduleOf({ resultBackend: 'db+sqlite:///x.db', beatSchedule }).get('celery.backend_cleanup'), own)
  const added = new App('app', { resultBackend: 'db+sqlite:///x.db' }, { environment: {} })
  added.addPeriodicTask(5, 'mine', { name: 'celery.backend_cleanup' })
  assert.equal(JSON.stringify(added.schedule.get('celery.backend_cleanup')).includes('mine'), true)
})
