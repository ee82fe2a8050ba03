import type { App } from '../app/app.js'

/** How many of its last lines are kept of each task; 0 = none. */
export function keptLogLines({ settings }: App): number {
  return settings.taskLogs ? settings.taskLogLines : 0
}
