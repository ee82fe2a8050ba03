import { timed } from '../noop-app.js'
import type { Sample } from '../row.js'

/** How `tasks` messages are published, to a queue that nobody consumes; from the first call to the last confirm. */
export interface Publishing {
  readonly tasks: number
  /** `one`: each awaited before the next. `many`: as many at a time as the contestant does best. */
  readonly way: 'one' | 'many'
}

/** Of one round. A round before it has connected and declared. */
export async function publishing({ tasks }: Publishing, act: () => Promise<void>): Promise<Sample> {
  return { rate: tasks / (await timed(act)) }
}
