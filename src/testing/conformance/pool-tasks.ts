import { spawn } from 'node:child_process'
import type { App } from '../../app/app.js'
import { currentTask } from '../../app/current-task.js'
import { Ignore, Reject } from '../../app/errors.js'
import { Decimal } from '../../protocol/values.js'

/** What the cases of `poolConformance` run. The app of the harness, and that of its children, has these tasks. */
export function definePoolTasks(app: App): void {
  const pause = (ms: number): Promise<void> => currentTask().clock.sleep(ms)
  app.task('pool.echo', (value: unknown) => value)
  app.task('pool.place', () => `${process.pid}`)
  app.task('pool.facts', () => {
    const { id, task, retries, hostname, isEager, deliveryInfo } = currentTask()
    return { id, task, retries, hostname, isEager, queue: deliveryInfo.queue }
  })
  app.task('pool.fail', (text: string): never => {
    throw new RangeError(text)
  })
  app.task('pool.retry', (): never => {
    throw currentTask().retry({ countdown: 7, args: ['again'] })
  })
  app.task('pool.ignore', (): never => {
    throw new Ignore('no matter')
  })
  app.task('pool.reject', (): never => {
    throw new Reject('not me', { requeue: true })
  })
  /** Ends when its signal fires. */
  app.task('pool.heed', async () => {
    const { signal, clock } = currentTask()
    await clock.sleep(600_000, signal)
  })
  /** Ends after that time, whatever its signal says. */
  app.task('pool.wait', async (ms: number) => {
    await pause(ms)
    return 'waited'
  })
  app.task('pool.spin', (): never => {
    for (;;);
  })
  app.task('pool.exit', (code: number): never => process.exit(code))
  app.task('pool.stray', async () => {
    setTimeout(() => {
      throw new RangeError('nobody catches')
    }, 1)
    await pause(600_000)
  })
  app.task('pool.kill-itself', async () => {
    process.kill(process.pid, 'SIGKILL')
    await pause(600_000)
  })
  /** SIGTERM changes nothing for it. */
  app.task('pool.deaf', async () => {
    process.on('SIGTERM', () => undefined)
    await currentTask().updateState('DEAF', process.pid)
    for (;;);
  })
  /** Starts a process that would outlive it. */
  app.task('pool.family', async () => {
    const grandchild = spawn('sleep', ['600'], { stdio: 'ignore' })
    await currentTask().updateState('FAMILY', grandchild.pid)
    for (;;);
  })
  app.task('pool.function', () => () => 1)
  app.task('pool.decimal', () => ({ price: new Decimal('1.10'), at: new Date(0), count: 2n ** 70n }))
  app.task('pool.hostile', () => {
    const value: Record<string, unknown> = {}
    Object.defineProperty(value, 'x', { enumerable: true, get: unreadable })
    return value
  })
  app.task('pool.circle', () => {
    const value: unknown[] = []
    value.push(value)
    return value
  })
  app.task('pool.bad-error', () => {
    const error = new RangeError('with a getter that throws')
    Object.defineProperty(error, 'message', { get: unreadable })
    throw error
  })
  app.task('pool.state', async () => {
    await currentTask().updateState('HALF', { done: 5 })
    return 'told'
  })
  app.task('pool.event', () => {
    currentTask().sendEvent('half-done', { done: 5 })
    return 'told'
  })
  app.task('pool.log', () => {
    currentTask().log.warning('half done', { done: 5 })
    return 'told'
  })
  app.task('pool.grow', (kibibytes: number) => {
    const kept = Array.from({ length: kibibytes / 64 }, () => new Array(8192).fill(Math.random()))
    // Out of reach of the collector, as a leak is.
    process.on('exit', () => kept.length)
    return kept.length
  })
  app.task('pool.leave-open', () => {
    setInterval(() => undefined, 1000)
    return 'open'
  })
}

function unreadable(): never {
  throw new Error('not for reading')
}

/** Does the process live? */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
