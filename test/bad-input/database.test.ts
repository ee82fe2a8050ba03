import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { App } from '../../src/app/app.js'
import { RejectedByBrokerError } from '../../src/brokers/errors.js'
import { LovageError } from '../../src/lib/errors.js'
import { silentLog } from '../../src/lib/log.js'
import { nodeRuntime } from '../../src/lib/node-runtime.js'
import { Worker } from '../../src/worker/worker.js'
import { temporaryFolder } from '../support/brokers/sqlite-places.js'
import { MemoryLines } from '../support/worker/rig.js'

/* What a person may do to the embedded database, as the app and the worker say it: real files, real threads. */

interface Trouble {
  readonly what: string
  /** Prepares a folder; returns the path to name in the settings. */
  prepare(folder: string): string
  readonly code: RegExp
  readonly says: RegExp
  /** Why it cannot be tried here. */
  readonly skip?: string | false
}

const isRoot = process.getuid?.() === 0

const TROUBLES: readonly Trouble[] = [
  {
    what: 'a path that is a folder',
    prepare: folder => {
      mkdirSync(join(folder, 'db'))
      return join(folder, 'db')
    },
    code: /^LVG_SQLITE_PATH$/,
    says: /db is a folder; name a file/,
  },
  {
    what: 'a path in a folder that does not exist',
    prepare: folder => join(folder, 'nowhere', 'queue.db'),
    code: /^LVG_SQLITE_PATH$/,
    says: /nowhere/,
  },
  {
    what: 'a file that is no database',
    prepare: folder => {
      writeFileSync(join(folder, 'text'), 'somebody needs this\n'.repeat(100))
      return join(folder, 'text')
    },
    code: /^LVG_SQLITE_FOREIGN_FILE$/,
    says: /not a SQLite file.*Name another file/,
  },
  {
    what: 'a file this process may not write',
    prepare: folder => {
      writeFileSync(join(folder, 'ro.db'), '')
      chmodSync(join(folder, 'ro.db'), 0o400)
      return join(folder, 'ro.db')
    },
    code: /^LVG_SQLITE_PATH$/,
    says: /may not read and write/,
    skip: isRoot && 'lacks a user that may not write: this one is root',
  },
  {
    what: 'a database whose first page is gone',
    prepare: folder => {
      const path = join(folder, 'used.db')
      writeFileSync(path, Buffer.alloc(8192, 0xaa))
      writeFileSync(`${path}-wake`, '')
      return path
    },
    code: /^LVG_SQLITE_DAMAGED$/,
    says: /lovage sqlite recover/,
  },
]

const quiet = () => ({ ...nodeRuntime(), log: silentLog })

function appOn(path: string, part: 'broker' | 'results'): App {
  const settings =
    part === 'broker'
      ? { brokerUrl: `sqlite:///${path}` }
      : { brokerUrl: 'memory://', resultBackend: `db+sqlite:///${path}` }
  const app = new App('x', { ...settings, publishTimeout: 5 }, { runtime: quiet() })
  app.task('t', () => 1)
  return app
}

function expected({ code, says }: Trouble) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof LovageError, String(error))
    assert.match(error.code, code)
    assert.match(error.message, says)
    return true
  }
}

for (const trouble of TROUBLES) {
  describe(trouble.what, { skip: trouble.skip ?? false }, () => {
    test('a client is told, within its time', async () => {
      using folder = temporaryFolder()
      const app = appOn(trouble.prepare(folder.path), 'broker')
      await assert.rejects(app.sendTask('t'), expected(trouble))
      await app[Symbol.asyncDispose]()
    })

    test('a worker does not start, and is told the same', async () => {
      using folder = temporaryFolder()
      const app = appOn(trouble.prepare(folder.path), 'broker')
      const worker = new Worker(app, {}, { spool: new MemoryLines() })
      await assert.rejects(worker.start(), expected(trouble))
      assert.equal((await worker.closed).kind, 'failed')
      await app[Symbol.asyncDispose]()
    })

    test('as a result backend: reading a result is told the same', async () => {
      using folder = temporaryFolder()
      const app = appOn(trouble.prepare(folder.path), 'results')
      await assert.rejects(app.result('a').state(), expected(trouble))
      await app[Symbol.asyncDispose]()
    })
  })
}

test('nothing of somebody else is changed or moved', async () => {
  using folder = temporaryFolder()
  const path = TROUBLES[2]?.prepare(folder.path) ?? ''
  const app = appOn(path, 'broker')
  await assert.rejects(app.sendTask('t'))
  await app[Symbol.asyncDispose]()
  assert.deepEqual(readdirSync(folder.path), ['text'])
})

test('a damaged database is kept aside, and the next start begins a new one only because it was named again', async () => {
  using folder = temporaryFolder()
  const path = TROUBLES[4]?.prepare(folder.path) ?? ''
  const first = appOn(path, 'broker')
  await assert.rejects(first.sendTask('t'))
  await first[Symbol.asyncDispose]()
  assert.equal(existsSync(path), false)
  assert.ok(readdirSync(folder.path).some(name => /^used\.db\.damaged-/.test(name)))
})

/** A file system of one megabyte, or the reason why there is none. */
function smallDisk(): ({ readonly path: string } & Disposable) | string {
  const path = mkdtempSync(join(tmpdir(), 'lovage-small-'))
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', path], { encoding: 'utf8' })
  const end = (): void => rmSync(path, { recursive: true, force: true })
  if (mounted.status !== 0) {
    end()
    return `no small file system can be mounted here: ${mounted.stderr?.trim() || mounted.error?.message}`
  }
  return {
    path,
    [Symbol.dispose]: () => {
      spawnSync('umount', ['-l', path])
      end()
    },
  }
}

test('D3c F36 a full disk: publishes are refused with a sentence, what was accepted runs, and all goes on with room again', async t => {
  const disk = smallDisk()
  if (typeof disk === 'string') return t.skip(disk)
  using small = disk
  const filler = join(small.path, 'filler')
  const runtime = quiet()
  const settings = {
    brokerUrl: `sqlite:///${join(small.path, 'queue.db')}`,
    resultBackend: 'disabled',
    publishTimeout: 2,
  }
  const ran: number[] = []
  const app = new App('x', settings, { runtime })
  app.task('t', (n: number) => void ran.push(n))
  await app.sendTask('t', [-1])
  writeFileSync(filler, Buffer.alloc(2_500_000))
  let accepted = 0
  let refusal: unknown
  while (accepted < 500 && refusal === undefined) {
    try {
      await app.sendTask('t', [accepted, 'x'.repeat(20_000)])
      accepted++
    } catch (error) {
      refusal = error
    }
  }
  assert.ok(refusal instanceof RejectedByBrokerError, String(refusal))
  assert.equal(refusal.code, 'LVG_SQLITE_FULL')
  assert.match(refusal.message, /not accepted/)
  rmSync(filler)
  const worker = new Worker(app, { concurrency: 4 }, { spool: new MemoryLines() })
  await worker.start()
  const deadline = performance.now() + 20_000
  while (ran.length < accepted + 1 && performance.now() < deadline)
    await new Promise(resolve => setTimeout(resolve, 20))
  assert.deepEqual(
    ran.sort((a, b) => a - b),
    Array.from({ length: accepted + 1 }, (_, n) => n - 1),
  )
  await app.sendTask('t', [1000])
  while (!ran.includes(1000) && performance.now() < deadline) await new Promise(resolve => setTimeout(resolve, 20))
  assert.ok(ran.includes(1000), 'and it goes on')
  await worker.stop('warm')
  await app[Symbol.asyncDispose]()
})
