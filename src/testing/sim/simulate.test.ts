import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import type { LovageError } from '../../lib/errors.js'
import { SimEscapeError, SimFailure } from './errors.js'
import { simulate } from './simulate.js'

test('virtual hours pass without waiting', async () => {
  const report = await simulate(1, async world => {
    await world.sleep(3_600_000)
    return world.now
  })
  assert.equal(report.value, 3_600_000)
  assert.equal(report.elapsed, 3_600_000)
})

test('all microtasks run out before the next timer rings', async () => {
  const order: string[] = []
  await simulate(1, async world => {
    const { clock } = world.process('a').runtime
    clock.timer(1, async () => {
      for (let i = 0; i < 50; i++) await undefined
      order.push('after fifty turns')
    })
    clock.timer(1.001, () => void order.push('next timer'))
    await world.sleep(2)
  })
  assert.deepEqual(order, ['after fifty turns', 'next timer'])
})

test('timers that are due together ring in an order of the seed', async () => {
  const orderOf = async (seed: number): Promise<string> => {
    const report = await simulate(seed, async world => {
      const order: string[] = []
      for (const name of 'abcdef') world.after(5, () => void order.push(name))
      await world.sleep(6)
      return order.join('')
    })
    return report.value
  }
  assert.equal(await orderOf(1), await orderOf(1))
  assert.notEqual(await orderOf(1), await orderOf(2))
})

test('the same seed gives the same trace, another seed another one', async () => {
  const hashOf = async (seed: number): Promise<string> => {
    const report = await simulate(seed, async world => {
      const process = world.process('a')
      await process.runtime.clock.sleep(process.runtime.random.next() * 100)
      process.runtime.log.info('done')
    })
    return report.hash
  }
  assert.equal(await hashOf(7), await hashOf(7))
  assert.notEqual(await hashOf(7), await hashOf(8))
})

const ESCAPES: readonly (readonly [what: string, touch: () => unknown])[] = [
  ['Date.now', () => Date.now()],
  ['new Date()', () => new Date()],
  ['Date()', () => Date()],
  ['Math.random', () => Math.random()],
  ['performance.now', () => performance.now()],
  ['setTimeout', () => setTimeout(() => {}, 1)],
  ['setInterval', () => setInterval(() => {}, 1)],
  ['setImmediate', () => setImmediate(() => {})],
  ['AbortSignal.timeout', () => AbortSignal.timeout(1)],
  ['fetch', () => fetch('http://localhost')],
  ['crypto.randomUUID', () => crypto.randomUUID()],
  ['node:crypto.randomUUID', () => randomUUID()],
]

for (const [what, touch] of ESCAPES) {
  test(`${what} throws inside a simulation and works again after it`, async () => {
    await simulate(1, async () => {
      assert.throws(touch, (error: unknown) => error instanceof SimEscapeError && error.message.startsWith(what))
    })
    if (what === 'fetch') return
    const left = touch()
    if (what.startsWith('setI') || what === 'setTimeout') clearTimeout(left as NodeJS.Timeout)
  })
}

test('dates of a given instant are no escape', async () => {
  const { value } = await simulate(1, async world => {
    const date = new Date(world.runtime.clock.now())
    return [date instanceof Date, date.toISOString(), Date.UTC(2026, 0, 1)]
  })
  assert.deepEqual(value, [true, '2026-01-01T00:00:00.000Z', 1_767_225_600_000])
})

test('two simulations cannot run at once', async () => {
  await simulate(1, async () => {
    await assert.rejects(
      simulate(2, async () => {}),
      { code: 'LVG_SIM_BUSY' },
    )
  })
})

async function failureOf(run: Promise<unknown>): Promise<SimFailure> {
  const error = await run.then(
    () => undefined,
    (error: unknown) => error,
  )
  assert.ok(error instanceof SimFailure)
  return error
}

test('a failure names its seed and instant and carries cause and trace', async () => {
  const cause = new Error('two leaders')
  const failure = await failureOf(
    simulate('x17', async world => {
      world.process('a').runtime.log.warning('about to go wrong')
      await world.sleep(1500)
      throw cause
    }),
  )
  assert.equal(failure.code, 'LVG_SIM_FAILED')
  assert.match(failure.message, /seed x17 failed at 1\.500 s .*: two leaders/)
  assert.equal(failure.cause, cause)
  assert.match(failure.trace.join('\n'), /a +log +warning about to go wrong/)
})

test('an invariant is looked at after every event', async () => {
  const failure = await failureOf(
    simulate(1, async world => {
      let running = 0
      world.always(() => assert.ok(running <= 1, 'more than one runs'))
      for (const at of [10, 20]) world.after(at, () => void running++)
      await world.sleep(1000)
    }),
  )
  assert.match(failure.message, /failed at 0\.020 s/)
})

test('a scenario that waits for nothing that can happen fails instead of hanging', async () => {
  const failure = await failureOf(simulate(1, () => new Promise(() => {})))
  assert.equal(failure.code, 'LVG_SIM_STALLED')
})

test('a million events at one instant fail as a livelock', async () => {
  const failure = await failureOf(
    simulate(1, async world => {
      const again = (): void => void world.after(0, again)
      again()
      await world.sleep(1)
    }),
  )
  assert.equal(failure.code, 'LVG_SIM_LIVELOCK')
})

test('a run that goes on past its limit fails', async () => {
  const failure = await failureOf(
    simulate(
      1,
      async world => {
        for (;;) await world.sleep(1000)
      },
      { limit: 60_000 },
    ),
  )
  assert.equal(failure.code, 'LVG_SIM_LIMIT')
})

test('until resolves as soon as its condition holds and rejects at its bound', async () => {
  const { value } = await simulate(1, async world => {
    const done: string[] = []
    world.after(40, () => void done.push('work'))
    await world.until('work is done', () => done.length > 0, 1000)
    const met = world.now
    const late = await world.until('never', () => false, 100).catch((error: LovageError) => error.message)
    return [met, late, world.now]
  })
  assert.deepEqual(value, [40, 'not within 100 ms of virtual time: never', 140])
})
