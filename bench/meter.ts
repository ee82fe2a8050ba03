import type { Sample } from './row.js'

/**
 * Counts the runs of a task, and keeps what passed between the first of them and the last. What goes before, starting and
 * connecting, is nobody's: some do it in one step with consuming, others do not.
 */
export class Meter {
  /** `rate`, tasks per second; `cpu`, microseconds of all threads of this process per task. Two runs at least. */
  readonly done: Promise<Sample>
  readonly #tasks: number
  #left: number
  #started = 0
  #before: NodeJS.CpuUsage | undefined
  #resolve: (sample: Sample) => void = () => undefined

  constructor(tasks: number) {
    this.#tasks = tasks
    this.#left = tasks
    this.done = new Promise(resolve => {
      this.#resolve = resolve
    })
  }

  ran(): void {
    if (this.#before === undefined) {
      this.#before = process.cpuUsage()
      this.#started = performance.now()
    }
    if (--this.#left === 0) this.#resolve(this.#sample(this.#before))
  }

  #sample(before: NodeJS.CpuUsage): Sample {
    const between = this.#tasks - 1
    const seconds = (performance.now() - this.#started) / 1000
    const { user, system } = process.cpuUsage(before)
    return { rate: between / seconds, cpu: (user + system) / between }
  }
}
