import type { App } from '../app/app.js'
import { signatureFromDict } from '../protocol/signature-dict.js'

/** An election was won: what it was about is done here, and nowhere else. Source: celery/worker/consumer/gossip.py `call_task`. */
export function wonElection(topic: string, action: unknown, app: Pick<App, 'applyCanvas' | 'runtime'>): void {
  if (topic !== 'task') {
    app.runtime.log.error(`Won an election about '${topic}', which is unknown here: nothing is done.`)
    return
  }
  const complain = (error: unknown): void =>
    app.runtime.log.error(`Won an election, but its task could not be sent: ${String(error)}`)
  try {
    app.applyCanvas(signatureFromDict(action)).catch(complain)
  } catch (error) {
    complain(error)
  }
}
