import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KnownLabels } from '../../src/telemetry/known-labels.js'
import { prometheus } from '../../src/telemetry/prometheus.js'
import { handRuntime } from '../app/hand-runtime.js'
import { MemoryPlace, Rig } from '../support/worker/rig.js'

async function scraped(): Promise<string> {
  await using rig = new Rig(
    runtime => new MemoryPlace(runtime),
    app => {
      app.use(prometheus(app))
      app.task('demo.good', async () => void (await rig.runtime.clock.sleep(200)))
      app.task('demo.bad', () => {
        throw new RangeError('no')
      })
    },
  )
  const app = rig.app()
  for (const [task, id] of [
    ['demo.good', 'a'],
    ['demo.good', 'b'],
    ['demo.bad', 'c'],
  ] as const) {
    await rig.wait(app.sendTask(task, [], { taskId: id }))
  }
  await rig.pass(2000)
  await rig.worker('celery', { concurrency: 1 }, app)
  await rig.pass(10_000)
  const [extension] = app.extensions.filter(({ name }) => name === 'prometheus')
  return (await extension?.metrics?.())?.body ?? ''
}

test('metrics have the names and labels of Flower and celery-exporter, and count what happened', async () => {
  const text = await scraped()
  for (const line of [
    'flower_events_total{worker="celery@rig",type="task-succeeded",task="demo.good"} 2',
    'flower_events_total{worker="celery@rig",type="task-failed",task="demo.bad"} 1',
    'flower_task_runtime_seconds_count{worker="celery@rig",task="demo.good"} 2',
    'flower_task_prefetch_time_seconds{worker="celery@rig",task="demo.good"} 0',
    'flower_worker_prefetched_tasks{worker="celery@rig",task="demo.good"} 0',
    'flower_worker_online{worker="celery@rig"} 1',
    'flower_worker_number_of_currently_executing_tasks{worker="celery@rig"} 0',
    'celery_task_sent_total{name="demo.good",hostname="here",queue_name="celery"} 2',
    'celery_task_received_total{name="demo.good",hostname="rig",queue_name="celery"} 2',
    'celery_task_started_total{name="demo.bad",hostname="rig",queue_name="celery"} 1',
    'celery_task_succeeded_total{name="demo.good",hostname="rig",queue_name="celery"} 2',
    'celery_task_failed_total{name="demo.bad",hostname="rig",queue_name="celery",exception="ValueError"} 1',
    'celery_task_runtime_count{name="demo.good",hostname="rig",queue_name="celery"} 2',
    'celery_worker_up{hostname="rig"} 1',
    'celery_worker_tasks_active{hostname="rig"} 0',
    'lovage_queue_wait_seconds_count{queue="celery",task="demo.bad"} 1',
    'lovage_event_loop_lag_seconds{worker="celery@rig"} 0',
    'lovage_worker_slots{worker="celery@rig"} 1',
  ]) {
    assert.ok(text.split('\n').includes(line), `${line} is not in\n${text}`)
  }
  assert.match(text, /lovage_queue_wait_seconds_sum\{queue="celery",task="demo.bad"\} 2\.\d/)
})

test('D21 acks that came too late are counted', async () => {
  const { observe, metrics } = prometheus({ runtime: handRuntime() })
  for (let n = 0; n < 2; n++) observe?.({ type: 'stale-ack', fields: { worker: 'w@here' } })
  assert.match((await metrics()).body, /^lovage_stale_acks_total\{worker="w@here"\} 2$/m)
})

test('D64 dead letters are counted by reason, and what became of those that found no room', async () => {
  const { observe, metrics } = prometheus({ runtime: handRuntime() })
  const fields = { queue: 'q', worker: 'w@here' }
  observe?.({ type: 'dead-letter-written', fields: { ...fields, reason: 'poison' } })
  observe?.({ type: 'dead-letters-full', fields })
  observe?.({ type: 'dead-letter-dropped', fields })
  const { body } = await metrics()
  assert.match(body, /^lovage_dead_letters_total\{worker="w@here",queue="q",reason="poison"\} 1$/m)
  assert.match(body, /^lovage_dead_letters_full_total\{worker="w@here",queue="q"\} 1$/m)
  assert.match(body, /^lovage_dead_letters_dropped_total\{worker="w@here",queue="q"\} 1$/m)
})

test('L18 ten thousand names are kept, then `other`', () => {
  const labels = new KnownLabels()
  for (let n = 0; n < 10_000; n++) assert.equal(labels.keep(`t${n}`), `t${n}`)
  assert.deepEqual([labels.keep('one more'), labels.keep('t0'), labels.keep(undefined)], ['other', 't0', 'other'])
})

test('L18 a worker that is told of more names than that has no more series', async () => {
  const runtime = handRuntime()
  const { observe, metrics } = prometheus({ runtime })
  for (let n = 0; n < 10_500; n++) {
    observe?.({ type: 'task-revoked', fields: { id: `i${n}`, task: `t${n}`, queue: 'q', worker: 'w@here' } })
  }
  const series = (await metrics()).body.split('\n').filter(line => line.startsWith('celery_task_revoked_total{'))
  assert.equal(series.length, 10_001)
  assert.ok(series.includes('celery_task_revoked_total{name="other",hostname="here",queue_name="q"} 500'))
})
