import { setTimeout as sleep } from 'node:timers/promises'
import { NotSentError } from '../../../brokers/errors.js'
import { deferred } from '../../../lib/deferred.js'
import { clientApp, PLANNED_TASK } from '../chaos-app.js'
import { settingsOfProcess } from '../chaos-settings.js'
import { Journal } from '../journal.js'
import { type PlannedTask, planTasks } from '../plan.js'

/*
 * Publishes planned tasks, at most `OUTSTANDING` of them unconfirmed at a time, and as far as it is told to: its parent
 * sends the number of tasks that may have been published by now. What was certainly not accepted it tries again; what
 * nobody knows of it leaves alone. Arguments: seed, count, longest.
 */

const OUTSTANDING = 2000
/** Seconds. */
const PATIENCE = 60
/** Before what was refused is tried again, ms. */
const PAUSE = 200

class Producer {
  readonly #journal: Journal
  readonly #app: ReturnType<typeof clientApp>
  #allowed = 0
  #bell = deferred()
  #outstanding = 0

  constructor() {
    const settings = settingsOfProcess()
    this.#journal = new Journal(settings.journal)
    this.#app = clientApp(settings)
  }

  allow(count: number): void {
    this.#allowed = count
    this.#bell.resolve()
  }

  async run(tasks: readonly PlannedTask[]): Promise<void> {
    for (const [index, planned] of tasks.entries()) {
      while (index >= this.#allowed || this.#outstanding >= OUTSTANDING) await this.#change()
      void this.#publish(planned)
    }
    while (this.#outstanding > 0) await this.#change()
    await this.#app[Symbol.asyncDispose]()
  }

  async #change(): Promise<void> {
    this.#bell = deferred()
    await this.#bell.promise
  }

  async #publish(planned: PlannedTask): Promise<void> {
    this.#outstanding++
    while ((await this.#attempt(planned)) === 'refused') await sleep(PAUSE)
    this.#outstanding--
    this.#bell.resolve()
  }

  async #attempt(planned: PlannedTask): Promise<'accepted' | 'refused' | 'unknown'> {
    const { id, kind } = planned
    const tell = (kind: 'sending' | 'accepted' | 'refused' | 'unknown'): void => this.#journal.write({ kind, id })
    tell('sending')
    try {
      const options = { taskId: id, ignoreResult: kind === 'quiet', publishTimeout: PATIENCE }
      await this.#app.sendTask(PLANNED_TASK, [planned], options)
      tell('accepted')
      return 'accepted'
    } catch (error) {
      console.error(String(error))
      const fate = error instanceof NotSentError ? 'refused' : 'unknown'
      tell(fate)
      return fate
    }
  }
}

async function main([seed = '', count = '', longest = '']: readonly string[]): Promise<void> {
  const producer = new Producer()
  process.on('message', message => producer.allow(Number(message)))
  process.on('disconnect', () => process.exit(1))
  await producer.run(planTasks(seed, Number(count), Number(longest)))
  process.exit(0)
}

await main(process.argv.slice(2))
