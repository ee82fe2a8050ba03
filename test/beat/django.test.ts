import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runId } from '../../src/beat/decide.js'
import type { DjangoDatabase, DjangoRun } from '../../src/beat/django/django-database.js'
import { BeatStoreError } from '../../src/beat/errors.js'
import type { DjangoIntervalRow, DjangoTables, DjangoTaskRow } from '../../src/schedules/django-rows.js'
import { SIM_EPOCH, type SimWorld } from '../../src/testing/sim/sim-world.js'
import { simulate } from '../../src/testing/sim/simulate.js'
import { BeatStage } from '../support/beat/beat-stage.js'

/* The tables of django-celery-beat, obeyed by beats in virtual time. The adapters are in django-databases.test.ts. */

const INTERVALS: readonly DjangoIntervalRow[] = [5, 60].map(every => ({ id: every, every, period: 'seconds' }))

/** Tables in memory, which change as Django changes them. */
class Tables implements DjangoDatabase {
  readonly url = 'memory tables'
  readonly rows = new Map<string, DjangoTaskRow>()
  readonly recorded: DjangoRun[] = []
  away = false
  #update = 0

  /** As a model is saved. */
  save(name: string, row: Partial<DjangoTaskRow>, at: number): void {
    const before = this.rows.get(name) ?? { ...BLANK, name }
    const next = { ...before, ...row, date_changed: new Date(at) }
    // Source: django_celery_beat/models.py `PeriodicTask.save`.
    this.rows.set(name, next.enabled ? next : { ...next, last_run_at: null })
    this.#update++
  }

  delete(name: string): void {
    this.rows.delete(name)
    this.#update++
  }

  async lastUpdate(): Promise<string | undefined> {
    this.#answer()
    return this.#update === 0 ? undefined : String(this.#update)
  }

  async tables(): Promise<DjangoTables> {
    this.#answer()
    return { tasks: [...this.rows.values()], intervals: INTERVALS, crontabs: [], solars: [], clocked: [] }
  }

  async record(runs: readonly DjangoRun[]): Promise<void> {
    this.#answer()
    for (const run of runs) {
      const row = this.rows.get(run.name)
      if (row === undefined) continue
      this.recorded.push(run)
      const count = run.off ? 0 : Number(row.total_run_count) + run.count
      const last = run.off ? null : new Date(run.at)
      const enabled = Boolean(row.enabled) && !run.off
      this.rows.set(run.name, { ...row, last_run_at: last, total_run_count: count, enabled })
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #answer(): void {
    if (this.away) throw new BeatStoreError('LVG_POSTGRES_LOST', 'The tables are away.', { transient: true })
  }
}

const BLANK: DjangoTaskRow = {
  name: '',
  task: 't',
  interval_id: 5,
  crontab_id: null,
  solar_id: null,
  clocked_id: null,
  args: '[]',
  kwargs: '{}',
  headers: '{}',
  queue: null,
  exchange: null,
  routing_key: null,
  priority: null,
  expires: null,
  expire_seconds: null,
  one_off: false,
  start_time: null,
  enabled: true,
  last_run_at: null,
  total_run_count: 0,
  date_changed: null,
}

async function onStage(act: (stage: BeatStage, tables: Tables) => Promise<void>): Promise<void> {
  await simulate('django', async (world: SimWorld) => {
    const tables = new Tables()
    const beatSchedule = {
      coded: { task: 't', schedule: 5, args: ['code'] },
      twin: { task: 't', schedule: 5, args: ['code twin'] },
    }
    const stage = new BeatStage(world, { beatSchedule }, { django: tables })
    stage.cluster.worker('w')
    await act(stage, tables)
  })
}

function ran(stage: BeatStage, what: string): number {
  return stage.runs.filter(run => run.args[0] === what).length
}

test('entries of the tables, of the code and of the store are sent side by side; of one name the row goes before the code', async () => {
  await onStage(async (stage, tables) => {
    tables.save('row', { args: '["row"]' }, SIM_EPOCH)
    tables.save('twin', { args: '["row twin"]' }, SIM_EPOCH)
    stage.beat()
    await stage.book.add('stored', { task: 't', schedule: 5, args: ['store'] })
    await stage.sleep(21_000)
    for (const what of ['row', 'row twin', 'code', 'store']) assert.equal(ran(stage, what), 4, what)
    assert.equal(ran(stage, 'code twin'), 0)
    const { entries } = await stage.book.list()
    assert.deepEqual(
      entries.map(({ entry, source }) => [entry.name, source]),
      [
        ['coded', 'code'],
        ['row', 'django'],
        ['stored', 'store'],
        ['twin', 'django'],
      ],
    )
    await assert.rejects(stage.book.edit('row', { schedule: 7 }), /tables of django-celery-beat; change it there/)
    await assert.rejects(stage.book.remove('row'), /tables of django-celery-beat/)
    await stage.book.pause('row')
    await stage.sleep(1000)
    const paused = ran(stage, 'row')
    await stage.sleep(15_000)
    assert.equal(ran(stage, 'row'), paused)
  })
})

test('what ran is written back, by its due times, and counted from when Django had last run it', async () => {
  await onStage(async (stage, tables) => {
    const last = SIM_EPOCH - 57_000
    tables.save('row', { args: '["row"]', interval_id: 60, last_run_at: new Date(last), total_run_count: 7 }, SIM_EPOCH)
    stage.beat()
    await stage.sleep(130_000)
    assert.equal(ran(stage, 'row'), 3)
    const row = tables.rows.get('row')
    assert.deepEqual([row?.last_run_at, row?.total_run_count], [new Date(last + 180_000), 10])
    assert.deepEqual(
      stage.runs.filter(run => run.args[0] === 'row').map(({ id }) => id),
      [1, 2, 3].map(n => runId({ name: 'row' }, last + n * 60_000)),
    )
  })
})

test('H63 rows that are added, changed, switched off and on, or deleted count within a second; what passed meanwhile is not made up', async () => {
  await onStage(async (stage, tables) => {
    stage.beat()
    await stage.sleep(3000)
    const now = (): number => stage.world.runtime.clock.now()
    tables.save('row', { args: '["row"]' }, now())
    await stage.sleep(6000)
    assert.equal(ran(stage, 'row'), 1)
    tables.save('row', { args: '["changed"]' }, now())
    await stage.sleep(5000)
    assert.equal(ran(stage, 'changed'), 1)
    tables.save('row', { enabled: false }, now())
    await stage.sleep(60_000)
    assert.equal(ran(stage, 'changed'), 1)
    assert.match((await stage.book.show('row')).why ?? '', /disabled/)
    tables.save('row', { enabled: true }, now())
    await stage.sleep(4000)
    assert.equal(ran(stage, 'changed'), 1)
    await stage.sleep(2000)
    assert.equal(ran(stage, 'changed'), 2)
    tables.delete('row')
    await stage.sleep(20_000)
    assert.equal(ran(stage, 'changed'), 2)
    await assert.rejects(stage.book.show('row'), { code: 'LVG_NO_ENTRY' })
  })
})

test('what is to run once does, also over a take-over, is switched off, and runs again when somebody switches it on', async () => {
  await onStage(async (stage, tables) => {
    const now = (): number => stage.world.runtime.clock.now()
    tables.save('once', { args: '["once"]', one_off: true }, SIM_EPOCH)
    const first = stage.beat()
    tables.away = true
    await stage.sleep(500)
    tables.away = false
    await stage.sleep(4000)
    stage.beat()
    await stage.sleep(400)
    // It is sent, and its table cannot be told before its leader dies.
    tables.away = true
    await stage.sleep(1500)
    first.process.kill()
    tables.away = false
    await stage.sleep(60_000)
    assert.equal(ran(stage, 'once'), 1)
    assert.deepEqual([tables.rows.get('once')?.enabled, tables.rows.get('once')?.total_run_count], [false, 0])
    tables.save('once', { enabled: true }, now())
    await stage.sleep(20_000)
    assert.equal(ran(stage, 'once'), 2)
    assert.equal(tables.rows.get('once')?.enabled, false)
  })
})

test('a row with a start is due right at its start, then by its schedule; from its end on it is not', async () => {
  await onStage(async (stage, tables) => {
    const [start, end] = [SIM_EPOCH + 12_000, SIM_EPOCH + 22_000]
    tables.save('row', { args: '["row"]', start_time: new Date(start), expires: new Date(end) }, SIM_EPOCH)
    stage.beat()
    await stage.sleep(60_000)
    const ids = stage.runs.filter(run => run.args[0] === 'row').map(({ id }) => id)
    assert.deepEqual(
      ids,
      [start, start + 5000].map(instant => runId({ name: 'row' }, instant)),
    )
  })
})

test('D93 bad rows are told by name and reason and hold nothing up; switched off ones may be as bad as they like', async () => {
  await onStage(async (stage, tables) => {
    tables.save('json', { args: '[1, ' }, SIM_EPOCH)
    tables.save('off', { args: '[1, ', enabled: false }, SIM_EPOCH)
    tables.save('gone', { interval_id: 99 }, SIM_EPOCH)
    tables.save('none', { interval_id: null }, SIM_EPOCH)
    tables.save('twin', { kwargs: '[]' }, SIM_EPOCH)
    tables.save('priority', { priority: 300 }, SIM_EPOCH)
    tables.save('good', { args: '["good"]' }, SIM_EPOCH)
    stage.beat()
    await stage.sleep(6000)
    assert.equal(ran(stage, 'good'), 1)
    assert.equal(ran(stage, 'code twin'), 1, 'the one of the code counts as long as the row cannot be kept')
    const { broken } = await stage.book.list()
    const lines = broken.map(({ error }) => error.message).join('\n')
    for (const pattern of [
      /"json": .*args/,
      /"gone": .*99/,
      /"none": .*0 schedules/,
      /"twin": .*kwargs/,
      /"priority": .*priority/,
    ]) {
      assert.match(lines, pattern)
    }
    assert.doesNotMatch(lines, /"off"/)
    tables.save('json', { args: '["mended"]' }, SIM_EPOCH + 6000)
    await stage.sleep(6000)
    assert.equal(ran(stage, 'mended'), 1)
  })
})

test('a database that is away holds nothing up: what is known goes on, and is told when it is back', async () => {
  await onStage(async (stage, tables) => {
    tables.save('row', { args: '["row"]' }, SIM_EPOCH)
    tables.away = true
    stage.beat()
    await stage.sleep(21_000)
    assert.equal(ran(stage, 'code'), 4)
    tables.away = false
    await stage.sleep(40_000)
    const before = ran(stage, 'row')
    assert.ok(before >= 1, `${before}`)
    tables.away = true
    await stage.sleep(60_000)
    assert.ok(ran(stage, 'row') >= before + 11, `${ran(stage, 'row')} after ${before}`)
    tables.away = false
    await stage.sleep(40_000)
    const { state } = await stage.book.show('row')
    assert.equal(tables.rows.get('row')?.total_run_count, state?.runs)
    assert.deepEqual(tables.rows.get('row')?.last_run_at, new Date(state?.last ?? 0))
  })
})
