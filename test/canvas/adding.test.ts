import assert from 'node:assert/strict'
import { test } from 'node:test'
import { App } from '../../src/app/app.js'
import { currentTask } from '../../src/app/current-task.js'
import { chain, chord, group } from '../../src/canvas/canvas.js'
import { groupId, taskId } from '../../src/protocol/ids.js'
import { testCluster } from '../../src/testing/cluster/test-cluster.js'

/* Tasks that add others to the chord that they are parts of. */

function shop() {
  const app = new App('shop', { taskAcksLate: true })
  const value = app.task('value', (name: string): string => name)
  const twice = app.task('twice', (name: string): string => name + name)
  const list = app.task('list', (names: readonly unknown[]): readonly unknown[] => names.toSorted())
  /** Adds what it is told, then gives its own name. */
  const adder = app.task('adder', async (name: string, ...more: readonly string[]): Promise<string> => {
    for (const one of more) await currentTask().addToChord(value.s(one))
    return name
  })
  return { app, value, twice, list, adder }
}

test('the body waits for what its parts have added, and gets its values', async () => {
  const { app, value, list, adder } = shop()
  await using cluster = await testCluster({ app })
  const result = await app.apply(chord([adder.s('a', 'x', 'y'), value.s('b')], list.s()))
  assert.deepEqual(await cluster.until(result.get()), ['a', 'b', 'x', 'y'])
  cluster.expect(list).toHaveRun({ times: 1 })
})

test('what is added may be a chain, a group or a chord, and may add on', async () => {
  const { app, value, twice, list, adder } = shop()
  const many = app.task('many', async (): Promise<string> => {
    await currentTask().addToChord(chain(value.s('b'), twice.s()))
    await currentTask().addToChord(group(value.s('c'), value.s('d')))
    await currentTask().addToChord(chord([value.s('e'), value.s('f')], list.s()))
    await currentTask().addToChord(adder.s('g', 'h'))
    return 'a'
  })
  await using cluster = await testCluster({ app })
  const result = await app.apply(chord([many.s()], list.s()))
  assert.deepEqual(await cluster.until(result.get()), ['a', 'bb', 'c', 'd', ['e', 'f'], 'g', 'h'].toSorted())
})

test('D70 what is added may be replaced by what ends in a group: it counts once, as the list of its values', async () => {
  const { app, value, twice, list } = shop()
  const many = app.task('many', (name: string): readonly string[] => {
    throw currentTask().replace(chain(value.s(name), group(twice.s(), twice.s())))
  })
  const adder = app.task('adder of many', async (): Promise<string> => {
    await currentTask().addToChord(many.s('x'))
    return 'a'
  })
  await using cluster = await testCluster({ app })
  const result = await app.apply(chord([adder.s(), value.s('b')], list.s()))
  assert.deepEqual(await cluster.until(result.get()), ['a', 'b', ['xx', 'xx']])
  cluster.expect(list).toHaveRun({ times: 1 })
})

test('lazily: it is counted, and runs when it is applied', async () => {
  const { app, value, list } = shop()
  const lazy = app.task('lazy', async (): Promise<string> => {
    const counted = await currentTask().addToChord(value.s('later'), { lazy: true })
    await app.apply(counted)
    return 'now'
  })
  await using cluster = await testCluster({ app })
  const result = await app.apply(chord([lazy.s()], list.s()))
  assert.deepEqual(await cluster.until(result.get()), ['later', 'now'])
})

test('D70 an attempt that comes again, and a retry, add what the first one added, and it counts once', async () => {
  const { app, value, list } = shop()
  const added: string[] = []
  const restless = app.task('restless', async (): Promise<string> => {
    for (const name of ['x', 'y']) added.push((await currentTask().addToChord(value.s(name))).id)
    if (currentTask().retries === 0) throw currentTask().retry({ countdown: 1 })
    return 'a'
  })
  await using cluster = await testCluster({ app })
  // The first attempt is lost with its worker at its end, the second one asks for a third.
  cluster.crashAfterNext(restless)
  const result = await app.apply(chord([restless.s(), value.s('b')], list.s()))
  await cluster.startWorker()
  assert.deepEqual(await cluster.until(result.get()), ['a', 'b', 'x', 'y'])
  assert.equal(added.length, 6)
  assert.equal(new Set(added).size, 2)
  cluster.expect(list).toHaveRun({ times: 1 })
})

test('what fails among it fails the chord', async () => {
  const { app, value, list } = shop()
  const fail = app.task('fail', (): string => {
    throw new RangeError('no')
  })
  const adder = app.task('doomed', async (): Promise<string> => {
    await currentTask().addToChord(fail.s())
    return 'a'
  })
  await using cluster = await testCluster({ app })
  const result = await app.apply(chord([adder.s(), value.s('b')], list.s()))
  await assert.rejects(cluster.until(result.get()), { name: 'ChordError', message: /ValueError\('no'\)/ })
  cluster.expect(list).notToHaveRun()
})

test('what cannot be sent is no part that the chord waits for', async () => {
  const { app, value, list } = shop()
  const odd = app.task('odd', async (): Promise<string> => {
    const cyclic: unknown[] = []
    cyclic.push(cyclic)
    await assert.rejects(currentTask().addToChord(value.s(cyclic as never)), { code: 'LVG_ENCODE' })
    return 'a'
  })
  await using cluster = await testCluster({ app })
  const result = await app.apply(chord([odd.s(), value.s('b')], list.s()))
  await assert.rejects(cluster.until(result.get()), { name: 'ChordError' })
})

test('outside a chord, in one that is over, and in one that is not counted here, nothing can be added', async () => {
  const { app, value, adder, list } = shop()
  await using cluster = await testCluster({ app })
  await assert.rejects(cluster.until((await adder.delay('a', 'x')).get()), /LVG_NO_CHORD|is a part of no chord/)
  // As Python sends it over a backend that does not count: nobody has told a size.
  const inChord = { groupId: groupId('g'), groupIndex: 0, chord: list.s() }
  const uncounted = await adder.applyAsync(['a', 'x'], inChord)
  await assert.rejects(cluster.until(uncounted.get()), /celery\.chord_unlock/)
  const backend = await app.resultBackend()
  const over = groupId('over')
  await backend.setChordSize(over, 1, undefined)
  const end = { status: 'SUCCESS', result: 1, error: undefined, traceback: undefined, children: undefined } as const
  const meta = { ...end, taskId: taskId('other'), dateDone: undefined }
  await backend.arrive({ chord: over, index: 0, taskId: meta.taskId, meta, size: undefined }, undefined)
  const late = await adder.applyAsync(['a', 'x'], { ...inChord, groupId: over })
  await assert.rejects(cluster.until(late.get()), /whose parts have all come/)
  cluster.expect(value).notToHaveRun()
})
