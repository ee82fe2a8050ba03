import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { WholeFile } from '../../src/drivers/whole-file.js'
import type { TaskId } from '../../src/protocol/ids.js'
import { Revocations } from '../../src/worker/revocations.js'
import type { TextStore } from '../../src/worker/state-file.js'
import { StateFile, type WorkerState } from '../../src/worker/state-file.js'
import { Worker } from '../../src/worker/worker.js'
import { type HandRuntime, handRuntime } from '../app/hand-runtime.js'
import { temporaryFolder } from '../support/brokers/sqlite-places.js'
import { MemoryLines, MemoryPlace, Rig } from '../support/worker/rig.js'

class MemoryText implements TextStore {
  readonly path = 'w.state'
  text: string | undefined
  aside: string | undefined
  broken = false

  async read(): Promise<string | undefined> {
    return this.text
  }

  async write(text: string): Promise<void> {
    if (this.broken) throw new Error('no space left')
    this.text = text
  }

  async setAside(name: string): Promise<string> {
    this.aside = this.text
    this.text = undefined
    return `${this.path}.${name}`
  }
}

const EMPTY: WorkerState = { clock: 0, revoked: [], roots: [], stamps: new Map() }

function fileOn(store: TextStore, runtime: HandRuntime, state: () => WorkerState = () => EMPTY): StateFile {
  return new StateFile({ runtime, store, state })
}

test('H57 what a worker knows is there after its restart, with nothing but its own file', async () => {
  await using rig = new Rig(
    runtime => new MemoryPlace(runtime),
    app => void app.task('t', () => 1),
    { resultBackend: null },
  )
  const state = new MemoryText()
  const start = async (): Promise<Worker> => {
    const worker = new Worker(rig.app(), { name: 'w@rig', concurrency: 1 }, { spool: new MemoryLines(), state })
    await rig.wait(worker.start())
    return worker
  }
  const first = await start()
  first.revoke(['gone'])
  await rig.wait(rig.app().control.revokeByRoot('root', { destination: 'w@rig', reply: true, limit: 1 }))
  await rig.wait(first.stop('warm'))
  const app = rig.app()
  await rig.wait(app.sendTask('t', [], { taskId: 'gone' }))
  await rig.wait(app.sendTask('t', [], { taskId: 'step', rootId: 'root' }))
  await rig.wait(app.sendTask('t', [], { taskId: 'stays' }))
  const second = await start()
  await rig.pass(1000)
  assert.deepEqual(
    ['gone', 'step', 'stays'].map(id => rig.types(id).includes('task-started')),
    [false, false, true],
  )
  await rig.wait(second.stop('warm'))
})

test('it is written within two seconds of a change, and what cannot be written is said once', async () => {
  const runtime = handRuntime()
  const store = new MemoryText()
  let clock = 1
  const file = fileOn(store, runtime, () => ({ ...EMPTY, clock }))
  file.changed()
  file.changed()
  clock = 2
  await runtime.clock.pass(2000)
  assert.equal((await file.load())?.clock, 2)
  store.broken = true
  for (let round = 0; round < 3; round++) {
    file.changed()
    await runtime.clock.pass(2000)
  }
  assert.equal(runtime.lines.filter(({ message }) => message.includes('cannot be written')).length, 1)
  store.broken = false
  clock = 3
  await file[Symbol.asyncDispose]()
  assert.equal((await file.load())?.clock, 3)
})

const DAMAGED: Readonly<Record<string, string>> = {
  truncated: '{"version":1,"clock":3,"revoked":[["a",17',
  'no JSON': '\u0000\u0001garbage',
  'another version': '{"version":2,"clock":0,"revoked":[],"stamps":[]}',
  'no object': '[]',
  'a clock that is none': '{"version":1,"clock":-1,"revoked":[],"stamps":[]}',
  'an id that is none': '{"version":1,"clock":1,"revoked":[[7,1]],"stamps":[]}',
  'a time that is none': '{"version":1,"clock":1,"revoked":[["a",null]],"stamps":[]}',
  'a stamp that is none': '{"version":1,"clock":1,"revoked":[],"stamps":[["a",[{}]]]}',
}

for (const [what, text] of Object.entries(DAMAGED)) {
  test(`a state file with ${what} is kept aside and said, and the worker starts without it`, async () => {
    const runtime = handRuntime()
    const store = new MemoryText()
    store.text = text
    assert.equal(await fileOn(store, runtime).load(), undefined)
    assert.deepEqual([store.text, store.aside], [undefined, text])
    assert.match(
      runtime.lines[0]?.message ?? '',
      /^The state file w\.state is damaged .* it is kept as w\.state\.damaged-/,
    )
  })
}

test('the file on disk is the old one or the new one, never a part, and leaves nothing beside it', async () => {
  using folder = temporaryFolder()
  const file = new WholeFile(join(folder.path, 'deep', 'w.state'))
  assert.equal(await file.read(), undefined)
  await file.write('one')
  await file.write('two')
  assert.equal(await file.read(), 'two')
  assert.deepEqual(await readdir(join(folder.path, 'deep')), ['w.state'])
  assert.equal(await file.setAside('damaged-1'), `${file.path}.damaged-1`)
  assert.equal(await file.read(), undefined)
})

test('H58 a million revokes, singly and in bulk, leave the newest fifty thousand', () => {
  const runtime = handRuntime()
  const revocations = new Revocations(runtime.clock, 10_800_000)
  for (let n = 0; n < 500_000; n++) revocations.add([`s${n}` as TaskId])
  for (let n = 0; n < 50; n++) revocations.add(Array.from({ length: 10_000 }, (_, i) => `b${n}-${i}` as TaskId))
  const kept = [...revocations.entries()].map(([id]) => id)
  assert.equal(kept.length, 50_000)
  assert.deepEqual([kept[0], kept.at(-1)], ['b45-0', 'b49-9999'])
  for (let n = 0; n < 5000; n++) revocations.addStamps(new Map([['team', [`t${n}`]]]))
  assert.equal(revocations.stamps.get('team')?.length, 1000)
})
