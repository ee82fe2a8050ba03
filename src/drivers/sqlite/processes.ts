import { readFileSync, readlinkSync } from 'node:fs'

/**
 * Who a process is, so that another one on the same machine can tell later whether it still lives (D3b). Empty text:
 * this system does not say.
 */
export interface ProcessIdentity {
  /** Differs after each start of the machine. */
  readonly boot: string
  /** In which process ids count: containers have their own. */
  readonly pidNamespace: string
  readonly pid: number
  /** In the kernel's ticks since boot: tells a process from a later one with the same id. */
  readonly started: string
}

/** `unknown`: ids of another container or machine start say nothing here; only its lease does. */
export type Liveness = 'alive' | 'gone' | 'unknown'

export interface Processes {
  readonly self: ProcessIdentity
  liveness(process: ProcessIdentity): Liveness
}

export function nodeProcesses(): Processes {
  const self: ProcessIdentity = {
    boot: textOf('/proc/sys/kernel/random/boot_id'),
    pidNamespace: linkOf('/proc/self/ns/pid'),
    pid: process.pid,
    started: processStat(process.pid)?.started ?? '',
  }
  return { self, liveness: other => liveness(self, other) }
}

function liveness(self: ProcessIdentity, other: ProcessIdentity): Liveness {
  if (other.boot !== self.boot) return 'gone'
  if (other.pidNamespace !== self.pidNamespace) return 'unknown'
  if (!accepts(other.pid)) return 'gone'
  const stat = processStat(other.pid)
  // Other users' processes may be hidden from /proc, but not from kill.
  if (stat === undefined) return 'alive'
  if (stat.ended) return 'gone'
  return other.started === '' || stat.started === other.started ? 'alive' : 'gone'
}

/** Signal 0 asks without sending; only `ESRCH` means that there is nobody. */
function accepts(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

/** From `/proc/<pid>/stat`: state is the first field after the command in parentheses, start time the 20th. */
function processStat(pid: number): { readonly started: string; readonly ended: boolean } | undefined {
  const text = textOf(`/proc/${pid}/stat`)
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const started = fields[19]
  if (started === undefined) return undefined
  // A killed process whose parent has not yet asked for its status is a zombie: it runs nothing any more.
  return { started, ended: fields[0] === 'Z' || fields[0] === 'X' }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return ''
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}
