import { LovageError } from '../lib/errors.js'

/**
 * A canvas that can never run: `LVG_BAD_CANVAS`. The message begins with the path of the offending member, for example
 * `chain.tasks[2].body`. Thrown before anything is sent.
 */
export class CanvasError extends LovageError {
  readonly path: string

  constructor(path: string, problem: string) {
    super('LVG_BAD_CANVAS', `${path}: ${problem}`)
    this.path = path
  }
}
