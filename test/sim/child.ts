import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { repositoryRoot } from '../support/repository.js'

export interface ChildEnd {
  readonly code: number | null
  readonly output: string
}

/** A simulation makes short-lived objects and nothing else: with a young generation of this size it needs a sixth less time. */
const ROOM = '--max-semi-space-size=64'

/** Its code is wide, and little of it runs often: what is seen of it from the first call on makes it fast sooner, which saves a tenth. */
const EAGER = '--no-lazy-feedback-allocation'

/** Of the code as it was compiled, file by file: mutants are found in its text. */
const PROGRAMS = join(repositoryRoot(), 'build', 'test', 'sim')

export interface ChildOptions {
  readonly environment?: Readonly<Record<string, string>>
  /** Is given all that it has printed by now, whenever it prints. */
  heard?(output: string): void
}

/** Runs a compiled program of this folder in a process of its own, to its end. */
export function runChild(
  program: string,
  args: readonly string[],
  { environment = {}, heard }: ChildOptions = {},
): Promise<ChildEnd> {
  const file = join(PROGRAMS, program)
  const child = spawn(process.execPath, [ROOM, EAGER, '--enable-source-maps', file, ...args], {
    env: { ...process.env, ...environment },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', data => {
      output += String(data)
      heard?.(output)
    })
  }
  return new Promise(resolve => child.on('close', code => resolve({ code, output })))
}
