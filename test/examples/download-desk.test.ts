import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import { repositoryRoot } from '../support/repository.js'

/* What `npm run quickstart` runs, on the published code in dist/, with its output to a pipe instead of a terminal. */

const EXAMPLE = join(repositoryRoot(), 'examples', 'download-desk')
/** What the example promises, and what it has when it shares its machine with other tests, ms. */
const DEADLINE = 120_000

/** What must be there of each request, whatever the order of events: resources, missing, mails. */
const ROWS: Readonly<Record<string, readonly [outcome: string, resources: number, missing: number, mails: number]>> = {
  R01: ['delivered', 2, 0, 1],
  R02: ['delivered', 2, 0, 1],
  R03: ['delivered', 2, 0, 1],
  R04: ['delivered', 1, 1, 1],
  R05: ['delivered', 1, 0, 1],
  R06: ['delivered', 3, 0, 1],
  R07: ['delivered', 2, 0, 1],
  R08: ['delivered', 1, 1, 1],
  R09: ['permanent error', 0, 2, 0],
  R10: ['delivered', 3, 0, 1],
  R11: ['delivered', 1, 0, 1],
  R12: ['delivered', 2, 0, 1],
}

describe('the download desk', () => {
  test('its types fit those that are published', () => {
    const compiler = join(repositoryRoot(), 'node_modules', 'typescript', 'bin', 'tsc')
    const { status, stdout } = spawnSync(process.execPath, [compiler, '-p', EXAMPLE], { encoding: 'utf8' })
    assert.equal(status, 0, stdout)
  })

  test('it delivers twelve requests through a killed worker, and verifies every package and every mail', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lovage-desk-'))
    try {
      const { status, stdout, stderr } = await runDesk(folder)
      const told = `${stdout}\n${stderr}`
      assert.equal(status, 0, told)
      assert.equal(stderr, '')
      assert.match(stdout, /Killing worker package \(process \d+\) with SIGKILL; starting another one …/)
      assert.match(stdout, /\n {2}R01 packing\n/)
      const rows = tableOf(stdout)
      for (const [id, [outcome, resources, missing, mails]] of Object.entries(ROWS)) {
        const row = rows.get(id)
        assert.deepEqual(row?.slice(0, 3), [outcome, resources, missing], told)
        // A mail whose worker was interrupted may come again; it has the same id then, which the desk has checked.
        assert.ok(Number(row?.[3]) >= mails, told)
      }
      const attempts = [...rows.values()].map(row => Number(row[4]))
      assert.ok(Math.min(...attempts) >= 1, told)
      // What the killed worker had in its hands, and what the servers failed at first.
      assert.ok(attempts.filter(count => count > 1).length >= 4, told)
      assert.match(stdout, /R04 .*\n +missing: there is no file atlantis\.bin/)
      assert.match(stdout, /R09 .*\n +MissingResource: nothing of request R09 exists/)
      assert.match(stdout, /The scheduled clean-up removed 11 packages\./)
      assert.match(stdout, /Every package and every mail is as it should be/)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})

/** In a process group of its own, so that its workers end with it when it hangs. */
async function runDesk(
  folder: string,
): Promise<{ readonly status: number | null; readonly stdout: string; readonly stderr: string }> {
  const desk = spawn(process.execPath, [join(EXAMPLE, 'run.mjs'), folder], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  const hung = setTimeout(() => desk.pid !== undefined && process.kill(-desk.pid, 'SIGKILL'), DEADLINE)
  const [stdout, stderr, [status]] = await Promise.all([text(desk.stdout), text(desk.stderr), once(desk, 'exit')])
  clearTimeout(hung)
  return { status, stdout, stderr }
}

/** Request → package, resources, missing, mails, attempts. */
function tableOf(text: string): ReadonlyMap<string, readonly (string | number)[]> {
  const rows = text.matchAll(/^(R\d\d) +(delivered|permanent error) +(\d+) +(\d+) +(\d+) +(\d+)$/gm)
  return new Map([...rows].map(([, id = '', outcome = '', ...numbers]) => [id, [outcome, ...numbers.map(Number)]]))
}
