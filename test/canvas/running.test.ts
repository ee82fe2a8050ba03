import assert from 'node:assert/strict'
import { test } from 'node:test'
import { App } from '../../src/app/app.js'
import { currentTask } from '../../src/app/current-task.js'
import { addLink } from '../../src/app/set-options.js'
import { chain, chord, chunks, group, map, starmap } from '../../src/canvas/canvas.js'
import { stamp } from '../../src/canvas/stamp.js'
import type { Signature } from '../../src/protocol/signature.js'
import { testCluster } from '../../src/testing/cluster/test-cluster.js'

/* Whole canvases through a real worker, in virtual time. */

function tasks(app: App) {
  return {
    add: app.task('add', (x: number, y: number): number => x + y),
    mul: app.task('mul', (x: number, y: number): number => x * y),
    sum: app.task('sum', (all: readonly number[]): number => all.reduce((total, one) => total + one, 0)),
    wrap: app.task('wrap', (value: unknown): readonly unknown[] => ['wrapped', value]),
    fail: app.task('fail', (..._: readonly unknown[]): number => {
      throw new RangeError('no')
    }),
    seven: app.task('seven', (): number => 7),
  }
}

test('a chain hands each result on', async () => {
  const app = new App('shop')
  const { add, mul } = tasks(app)
  await using cluster = await testCluster({ app })
  const result = await app.apply(chain(add.s(2, 3), mul.s(10), add.s(1)))
  assert.equal(await cluster.until(result.get()), 51)
  assert.equal(await cluster.until(result.parent?.get() as Promise<unknown>), 50)
})

test('a group gives the values of its members in their order', async () => {
  const app = new App('shop')
  const { add } = tasks(app)
  await using cluster = await testCluster({ app })
  const result = await app.apply(group(add.s(1, 1), add.s(2, 2), group(add.s(3, 3))))
  assert.deepEqual(await cluster.until(result.get()), [2, 4, 6])
  assert.equal(await cluster.until(result.completedCount()), 3)
  await result.save()
  assert.deepEqual(await (await app.groupResult(result.id))?.get(), [2, 4, 6])
})

test('a chord runs its body once, with the list of results', async () => {
  const app = new App('shop')
  const { add, sum } = tasks(app)
  await using cluster = await testCluster({ app })
  const result = await app.apply(chord([add.s(1, 1), add.s(2, 2), add.s(3, 3)], sum.s()))
  assert.equal(await cluster.until(result.get()), 12)
  cluster.expect(sum).toHaveRun({ times: 1 })
})

test('a group within a chain becomes a chord, and what follows its body runs after it', async () => {
  const app = new App('shop')
  const { add, mul, sum } = tasks(app)
  await using cluster = await testCluster({ app })
  const result = await app.apply(chain(add.s(1, 1), group(mul.s(2), mul.s(3)), sum.s(), mul.s(10)))
  assert.equal(await cluster.until(result.get()), 100)
})

test('a chain that ends in a group gives the group', async () => {
  const app = new App('shop')
  const { add, mul } = tasks(app)
  await using cluster = await testCluster({ app })
  const result = await app.apply(chain(add.s(1, 1), group(mul.s(2), mul.s(3))))
  assert.deepEqual(await cluster.until(result.get()), [4, 6])
})

test('chords within chords, chains and groups within headers', async () => {
  const app = new App('shop')
  const { add, mul, sum, wrap } = tasks(app)
  await using cluster = await testCluster({ app })
  const inner = chord([add.s(1, 1), chain(add.s(1, 2), mul.s(2))], sum.s())
  const result = await app.apply(chord([inner, add.s(10, 10)], sum.s()))
  assert.equal(await cluster.until(result.get()), 28)
  const nested = await app.apply(chord([chain(add.s(1, 1), group(mul.s(2), mul.s(3))), add.s(5, 5)], wrap.s()))
  assert.deepEqual(await cluster.until(nested.get()), ['wrapped', [[4, 6], 10]])
})

test('a body that is a chain or a group', async () => {
  const app = new App('shop')
  const { add, mul, sum, wrap } = tasks(app)
  await using cluster = await testCluster({ app })
  const chained = await app.apply(chord([add.s(1, 1), add.s(2, 2)], chain(sum.s(), mul.s(10))))
  assert.equal(await cluster.until(chained.get()), 60)
  const grouped = await app.apply(chord([add.s(1, 1), add.s(2, 2)], group(sum.s(), wrap.s())))
  assert.deepEqual(await cluster.until(grouped.get()), [6, ['wrapped', [2, 4]]])
})

test('an empty header runs the body with an empty list, an empty group sends nothing', async () => {
  const app = new App('shop')
  const { sum } = tasks(app)
  await using cluster = await testCluster({ app })
  const result = await app.apply(chord([], sum.s()))
  assert.equal(await cluster.until(result.get()), 0)
  assert.deepEqual(await (await app.apply(group())).get(), [])
})

test('one failure fails everything after it, and runs the errbacks of the body once', async () => {
  const app = new App('shop')
  const { add, sum, fail } = tasks(app)
  const told: unknown[] = []
  const errback = app.task('errback', (id: string): void => void told.push(id))
  await using cluster = await testCluster({ app })
  const body = addLink(sum.s(), 'linkError', errback.s())
  const result = await app.apply(chord([add.s(1, 1), fail.s(), add.s(3, 3)], body))
  await cluster.drain()
  await assert.rejects(result.get(), { name: 'ChordError', message: /Dependency .* raised ValueError\('no'\)/ })
  assert.deepEqual(told, [result.id])
  cluster.expect(sum).notToHaveRun()
  const broken = await app.apply(chain(fail.s(), add.s(1), group(add.s(2), add.s(3)), sum.s()))
  await cluster.drain()
  await assert.rejects(broken.get(), /no/)
})

test('map, starmap and chunks', async () => {
  const app = new App('shop')
  const { add, sum } = tasks(app)
  await using cluster = await testCluster({ app })
  assert.deepEqual(
    await cluster.until(
      (
        await app.apply(
          map(sum.s(), [
            [1, 2],
            [3, 4],
          ]) as never,
        )
      ).get(),
    ),
    [3, 7],
  )
  assert.deepEqual(
    await cluster.until(
      (
        await app.apply(
          starmap(add.s(), [
            [1, 2],
            [3, 4],
          ]) as never,
        )
      ).get(),
    ),
    [3, 7],
  )
  const parts = await app.apply(
    chunks(
      add.s(),
      [
        [0, 0],
        [1, 1],
        [2, 2],
      ],
      2,
    ),
  )
  assert.deepEqual(await cluster.until(parts.get()), [[0, 2], [4]])
})

test('a task is replaced by a task, a chain, a group; what followed it follows that', async () => {
  const app = new App('shop')
  const { add, mul, sum, seven } = tasks(app)
  const task = app.task('task', (): number => {
    throw currentTask().replace(seven.s())
  })
  const steps = app.task('steps', (): number => {
    throw currentTask().replace(chain(add.s(1, 2), mul.s(5)))
  })
  const many = app.task('many', (): number[] => {
    throw currentTask().replace(group(add.s(1, 2), add.s(3, 4)))
  })
  await using cluster = await testCluster({ app })
  const one = await app.apply(chain(task.s(), add.s(1)))
  assert.equal(await cluster.until(one.get()), 8)
  const two = await app.apply(chord([steps.s(), add.s(1, 1)], sum.s()))
  assert.equal(await cluster.until(two.get()), 17)
  const three = await app.apply(chain(many.s(), sum.s(), add.s(100)))
  assert.equal(await cluster.until(three.get()), 110)
  const alone = await many.delay()
  assert.deepEqual(await cluster.until(alone.get()), [3, 7])
})

test('what ends in a group takes the place of a task as the list of its values, alone and in a chord', async () => {
  const app = new App('shop')
  const { add, sum } = tasks(app)
  const members = group(add.s(10), add.s(20))
  const forms: Readonly<Record<string, () => Signature>> = {
    'a chain that ends in a group': () => chain(add.s(1, 2), members),
    'a chain that ends in one that does': () => chain(add.s(1, 1), chain(add.s(1), members)),
    'a chord whose body is a group': () => chord([add.s(1, 1), add.s(0, 1)], chain(sum.s(), members)),
  }
  const task = app.task('task', (form: string): number[] => {
    throw currentTask().replace((forms[form] as () => Signature)())
  })
  const list = app.task('list', (all: readonly unknown[]): readonly unknown[] => all)
  await using cluster = await testCluster({ app })
  for (const form of Object.keys(forms)) {
    const alone = await task.delay(form)
    assert.deepEqual(await cluster.until(alone.get()), [13, 23], form)
    const followed = await app.apply(chain(task.s(form), sum.s()))
    assert.deepEqual(await cluster.until(followed.get()), 36, form)
    const gathered = await app.applyCanvas(chord([task.s(form), add.s(1, 1)] as never, list.s() as never))
    assert.deepEqual(await cluster.until(gathered.get()), [[13, 23], 2], form)
  }
})

test('D45 a task that has asked for retries is replaced by one that asks for retries of its own', async () => {
  const app = new App('shop')
  const ran: string[] = []
  const patient = (name: string, asks: number): void => {
    ran.push(name)
    if (currentTask().retries < asks) throw currentTask().retry({ countdown: 1 })
  }
  const second = app.task('second', (): number => {
    patient('second', 1)
    return 7
  })
  const first = app.task('first', (): number => {
    patient('first', 2)
    throw currentTask().replace(second.s())
  })
  await using cluster = await testCluster({ app })
  const result = await app.apply(first.s())
  assert.equal(await cluster.until(result.get()), 7)
  assert.deepEqual(ran, ['first', 'first', 'first', 'second', 'second'])
})

test('stamps go along with every task of a canvas', async () => {
  const app = new App('shop')
  const seen: unknown[] = []
  const note = app.task('note', (n: number): number => {
    seen.push([n, currentTask().stamps])
    return n
  })
  const last = app.task('last', (all: readonly number[]): number => {
    seen.push(['last', currentTask().stamps])
    return all.length
  })
  await using cluster = await testCluster({ app })
  const canvas = stamp(chord([chain(note.s(1), note.si(2)), note.s(3)], last.s()), (_, place) => ({ place, order: 7 }))
  assert.equal(await cluster.until((await app.apply(canvas)).get()), 2)
  assert.deepEqual(
    new Set(seen.map(each => JSON.stringify(each))),
    new Set([
      '[1,{"place":"task","order":7}]',
      '[2,{"place":"task","order":7}]',
      '[3,{"place":"task","order":7}]',
      '["last",{"place":"body","order":7}]',
    ]),
  )
})

test('a task by its name is called, and stands in canvases', async () => {
  const app = new App('shop')
  const { add, mul } = tasks(app)
  const client = new App('client')
  await using cluster = await testCluster({ app })
  cluster.adopt(client)
  const [far, further] = [
    client.remote<typeof add.handler>('add'),
    client.remote<(x: number, y: number) => Promise<number>>(mul.name),
  ]
  assert.equal(await cluster.until((await far.delay(2, 3)).get()), 5)
  assert.equal(await cluster.until((await far.applyAsync([2, 3], { countdown: 5 })).get()), 5)
  assert.equal(await cluster.until((await client.apply(chain(far.s(2, 3), further.s(10), far.si(1, 1)))).get()), 2)
  assert.throws(() => client.remote('a\nb'), { code: 'LVG_MALFORMED' })
})
