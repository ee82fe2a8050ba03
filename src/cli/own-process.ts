import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'

/** What another process of this command has started this one for. */
export type StartedAs = 'detached' | 'watched'

/** In the environment of a process that was started so. */
const MARK = 'LOVAGE_STARTED_AS'

/** Starts this very command line again. */
export function startAgain(as: StartedAs, options: SpawnOptions): ChildProcess {
  const [program = '', ...words] = process.argv
  return spawn(program, [...process.execArgv, ...words], {
    ...options,
    env: { ...process.env, ...options.env, [MARK]: as },
  })
}

/** What this process was started for, if by another of this command. Asked once: whatever this one starts is not meant. */
export function takeStartedAs(): StartedAs | undefined {
  const as = process.env[MARK]
  delete process.env[MARK]
  return as === 'detached' || as === 'watched' ? as : undefined
}

/** Tells whoever waits for it that this process does its work, and lets go of it. */
export function tellStarter(): void {
  if (process.send === undefined) return
  process.send('ready', undefined, {}, () => {
    if (process.connected) process.disconnect()
  })
}
