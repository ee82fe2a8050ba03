import { spawnSync } from 'node:child_process'
import { createInterface } from 'node:readline'
import { LoggedProcess } from '../support/python/logged-process.js'
import { PROGRAMS, PYTHON } from '../support/python/python.js'

/** How a check of python/checks.py came out. */
export interface CheckResult {
  readonly check: string
  readonly result: 'pass' | 'n/a' | 'fail'
  readonly detail: string
}

/** Checks that need a worker whose tasks run in processes of their own. */
export const OF_CHILDREN: readonly string[] = ['worker_lost']

export function checkNames(): readonly string[] {
  const env = { LOVAGE_NODENAME: '', LOVAGE_REDIS: '', LOVAGE_BACKEND: '', PYTHONDONTWRITEBYTECODE: '1' }
  const { stdout, stderr } = spawnSync(PYTHON, ['checks.py', '--list'], { cwd: PROGRAMS, env, encoding: 'utf8' })
  const names = stdout.trim().split('\n')
  if (names.length < 40) throw new Error(`checks.py lists ${names.length} checks: ${stderr}`)
  return names
}

/** Checks that two workers of one combination cannot be put through at once: they leave their traces in one place. */
export const NOT_TWICE: readonly string[] = ['link_error_old_style']

/** Which checks: all but some, or some alone. */
export type CheckChoice = { readonly without: readonly string[] } | { readonly only: readonly string[] }

export async function runChecks(
  env: Readonly<Record<string, string>>,
  choice: CheckChoice,
): Promise<ReadonlyMap<string, CheckResult>> {
  const words = Object.entries(choice).flatMap(([word, names]) => names.flatMap(name => [`--${word}`, name]))
  await using checks = new LoggedProcess('checks.py', [PYTHON, 'checks.py', ...words], { cwd: PROGRAMS, env })
  const results = new Map<string, CheckResult>()
  const { stdout } = checks.child
  if (stdout === null) throw new Error('no standard output')
  createInterface({ input: stdout }).on('line', line => {
    if (!line.startsWith('{')) return
    const result = JSON.parse(line) as CheckResult
    results.set(result.check, result)
  })
  await checks.ended
  if (checks.child.exitCode !== 0) throw checks.trouble('failed')
  return results
}
