import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, test } from 'node:test'
import { currentTask } from '../../src/app/current-task.js'
import { SoftTimeLimitExceeded } from '../../src/app/errors.js'
import type { TaskOptions } from '../../src/app/task-options.js'
import { Worker } from '../../src/worker/worker.js'
import { logLines, onStage, type Stage, sleeper } from '../support/worker/stage.js'

type Process = Parameters<ReturnType<typeof sleeper>>[1]

const SOFT: TaskOptions = { acksLate: true, softTimeLimit: '1s' }

/** What a handler of that limit ends as: `[status, error type, error args, value, runs]`. */
async function endOf(act: (process: Process) => unknown, options: TaskOptions): Promise<readonly unknown[]> {
  let end: readonly unknown[] = []
  await onStage({ tasks: { t: [(_stage: Stage, process: Process) => act(process), options] } }, async stage => {
    await stage.worker()
    await stage.app.sendTask('t', [], { taskId: 'a' })
    await stage.quiet()
    const meta = await stage.meta('a')
    end = [meta?.status, meta?.error?.type, meta?.error?.args, meta?.result, stage.runs('a')]
  })
  return end
}

const FAILED_SOFT = ['FAILURE', 'SoftTimeLimitExceeded', [], undefined, 1]

describe('the soft time limit', () => {
  test('fires the AbortSignal; the reason, thrown on, is stored as Celery stores it', async () => {
    const act = (process: Process) => process.runtime.clock.sleep(60_000, currentTask().signal)
    assert.deepEqual(await endOf(act, SOFT), FAILED_SOFT)
  })

  test('caught, the task ends as it likes', async () => {
    const act = async (process: Process) => {
      try {
        await process.runtime.clock.sleep(60_000, currentTask().signal)
        return 'no'
      } catch (error) {
        return error instanceof SoftTimeLimitExceeded ? `tidied up after ${error.message}` : error
      }
    }
    assert.deepEqual(await endOf(act, SOFT), [
      'SUCCESS',
      undefined,
      undefined,
      'tidied up after SoftTimeLimitExceeded: 1',
      1,
    ])
  })

  test('caught and wrapped, it is still the soft limit', async () => {
    const act = async (process: Process) => {
      try {
        await process.runtime.clock.sleep(60_000, currentTask().signal)
      } catch (cause) {
        throw new Error('while waiting', { cause })
      }
    }
    assert.deepEqual(await endOf(act, SOFT), FAILED_SOFT)
  })

  test("the AbortError of Node's own APIs is the soft limit", async () => {
    const act = () => once(new EventTarget(), 'never', { signal: currentTask().signal })
    assert.deepEqual(await endOf(act, SOFT), FAILED_SOFT)
  })

  test('an error that has nothing to do with it is itself', async () => {
    const act = async (process: Process) => {
      await process.runtime.clock.sleep(2000)
      throw new TypeError('something else')
    }
    assert.deepEqual((await endOf(act, SOFT)).slice(0, 3), ['FAILURE', 'TypeError', ['something else']])
  })

  test('a task that never looks runs on, and its value counts', async () => {
    const act = async (process: Process) => {
      await process.runtime.clock.sleep(5000)
      return 'late'
    }
    assert.deepEqual(await endOf(act, SOFT), ['SUCCESS', undefined, undefined, 'late', 1])
  })

  test('so is an AbortError that does not name its cause', async () => {
    const act = async (process: Process) => {
      await process.runtime.clock.sleep(60_000, currentTask().signal).catch(() => undefined)
      throw new DOMException('The operation was aborted', 'AbortError')
    }
    assert.deepEqual(await endOf(act, SOFT), FAILED_SOFT)
  })

  test('an AbortError of a task that was not interrupted is an ordinary failure', async () => {
    const act = () => {
      throw new DOMException('mine', 'AbortError')
    }
    const [status, type] = await endOf(act, { ...SOFT, softTimeLimit: '1h' })
    assert.equal(status, 'FAILURE')
    assert.notEqual(type, 'SoftTimeLimitExceeded')
  })

  test('a signal looked at only after the limit has fired already', async () => {
    const act = async (process: Process) => {
      await process.runtime.clock.sleep(3000)
      currentTask().signal.throwIfAborted()
    }
    assert.deepEqual(await endOf(act, SOFT), FAILED_SOFT)
  })
})

describe('the hard time limit', () => {
  const HARD: TaskOptions = { acksLate: true, timeLimit: '2s' }

  test('ends a task that is deaf: FAILURE TimeLimitExceeded with the limit, the slot is free', async () => {
    const report = await onStage({ tasks: { deaf: [sleeper(600_000), HARD], ok: () => 1 } }, async stage => {
      await stage.worker('w', { concurrency: 1 })
      await stage.app.sendTask('deaf', [], { taskId: 'a' })
      await stage.started('a')
      const began = stage.world.now
      await stage.app.sendTask('ok', [], { taskId: 'b' })
      await stage.started('b')
      const waited = stage.world.now - began
      assert.ok(waited >= 1900 && waited < 2500, String(waited))
      await stage.quiet()
      const meta = await stage.meta('a')
      assert.deepEqual([meta?.status, meta?.error?.type, meta?.error?.args], ['FAILURE', 'TimeLimitExceeded', [2]])
      assert.equal(meta?.error?.module, 'billiard.exceptions')
    })
    assert.ok(
      logLines(report).some(line => line.startsWith('error Task deaf[a] raised unexpected: TimeLimitExceeded(2')),
    )
  })

  test('what the abandoned code returns or throws later is not heard', async () => {
    const act = async (process: Process) => {
      await process.runtime.clock.sleep(5000)
      throw new Error('nobody listens')
    }
    let end: readonly unknown[] = []
    await onStage({ tasks: { t: [(_s: Stage, process: Process) => act(process), HARD] } }, async stage => {
      await stage.worker()
      await stage.app.sendTask('t', [], { taskId: 'a' })
      await stage.world.sleep(10_000)
      end = [(await stage.meta('a'))?.error?.type, stage.types('a').filter(type => type === 'task-failed').length]
    })
    assert.deepEqual(end, ['TimeLimitExceeded', 1])
  })

  test('it fires the AbortSignal as well, so that code that listens can stop', async () => {
    let reason: unknown
    const act = async (process: Process) => {
      try {
        await process.runtime.clock.sleep(60_000, currentTask().signal)
      } catch (error) {
        reason = error
        throw error
      }
    }
    assert.deepEqual((await endOf(act, HARD)).slice(0, 2), ['FAILURE', 'TimeLimitExceeded'])
    assert.equal((reason as Error).name, 'TimeLimitExceeded')
  })

  test('after the soft one, when that was caught and not obeyed', async () => {
    const act = async (process: Process) => {
      await process.runtime.clock.sleep(60_000, currentTask().signal).catch(() => undefined)
      await process.runtime.clock.sleep(60_000)
    }
    assert.deepEqual((await endOf(act, { ...HARD, softTimeLimit: '1s' })).slice(0, 3), [
      'FAILURE',
      'TimeLimitExceeded',
      [2],
    ])
  })

  test('with acksOnTimeout off the message goes back', async () => {
    const options = { ...HARD, acksOnTimeout: false, maxDeliveries: 2 }
    const end = await endOf(process => process.runtime.clock.sleep(600_000), options)
    assert.deepEqual([end[1], end[4]], ['PoisonTaskError', 2])
  })
})

describe('which limit holds', () => {
  test("the message's own before the task's, the task's before the worker's", async () => {
    const limits: Record<string, unknown> = {}
    const note = async (_s: Stage, process: Process) => {
      const { id, signal } = currentTask()
      const began = process.runtime.clock.steady()
      await process.runtime.clock.sleep(60_000, signal).catch(() => undefined)
      limits[id] = Math.round((process.runtime.clock.steady() - began) / 1000)
    }
    await onStage(
      { tasks: { own: [note, { acksLate: true, softTimeLimit: 3 }], none: [note, { acksLate: true }] } },
      async stage => {
        await stage.worker('w', { softTimeLimit: 7 })
        await stage.app.sendTask('own', [], { taskId: 'message', softTimeLimit: 1 })
        await stage.app.sendTask('own', [], { taskId: 'task' })
        await stage.app.sendTask('none', [], { taskId: 'worker' })
        await stage.quiet()
      },
    )
    assert.deepEqual(limits, { message: 1, task: 3, worker: 7 })
  })

  test('a limit that makes no sense is refused when the worker starts, by name', async () => {
    await onStage({}, async stage => {
      const worker = new Worker(stage.app, { timeLimit: 'soon' })
      await assert.rejects(worker.start(), { code: 'LVG_BAD_OPTION', message: /`timeLimit` must be seconds or text/ })
    })
  })
})
