import type { Ms } from '../../lib/time.js'

/** How long what tasks have printed may take to come out when a child leaves. */
const LIMIT: Ms = 1000

/**
 * Resolves when standard output and error have given away what was written into them, or do not within a second: children share
 * them with their worker, so they may be full when a task ends.
 */
export function printed(): Promise<unknown> {
  const late = new Promise(resolve => setTimeout(resolve, LIMIT))
  return Promise.race([Promise.all([emptied(process.stdout), emptied(process.stderr)]), late])
}

function emptied(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise(resolve => stream.write('', () => resolve()))
}
