import { NotSentError } from '../../../src/brokers/errors.js'
import { deferred } from '../../../src/lib/deferred.js'
import { clientApp, PLANNED_TASK } from '../chaos-app.js'
import { Journal } from '../journal.js'
import { type PlannedTask, planTasks } from '../plan.js'
import { settingsOfProcess } from '../settings.js'

/*
 * Publishes planned tasks, at most `OUTSTANDING` of them unconfirmed at a time, and as far as it is told to: its parent
 * sends the number of tasks that may have been published by now. Arguments: seed, count, longest.
 */

const OUTSTANDING = 2000
const PATIENCE = 60

const [seed = '', count = '', longest = ''] = process.argv.slice(2)
const settings = settingsOfProcess()
const journal = new Journal(settings.journal)
const app = clientApp(settings)
let allowed = 0
let bell = deferred()
let outstanding = 0

process.on('message', message => {
  allowed = Number(message)
  bell.resolve()
})
process.on('disconnect', () => process.exit(1))

for (const [index, planned] of planTasks(seed, Number(count), Number(longest)).entries()) {
  while (index >= allowed || outstanding >= OUTSTANDING) {
    bell = deferred()
    await bell.promise
  }
  void publish(planned)
}
while (outstanding > 0) {
  bell = deferred()
  await bell.promise
}
await app[Symbol.asyncDispose]()
process.exit(0)

async function publish(planned: PlannedTask): Promise<void> {
  const { id, kind } = planned
  outstanding++
  journal.write({ kind: 'sending', id })
  try {
    await app.sendTask(PLANNED_TASK, [planned], {
      taskId: id,
      ignoreResult: kind === 'quiet',
      publishTimeout: PATIENCE,
    })
    journal.write({ kind: 'accepted', id })
  } catch (error) {
    console.error(String(error))
    journal.write({ kind: error instanceof NotSentError ? 'refused' : 'unknown', id })
  }
  outstanding--
  bell.resolve()
}
