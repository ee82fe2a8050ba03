import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { App } from '../../src/app/app.js'
import { currentTask } from '../../src/app/current-task.js'
import { chain } from '../../src/canvas/canvas.js'
import { Worker } from '../../src/worker/worker.js'
import { fencesOf, readPage, samplesOf } from '../support/docs/samples.js'
import { celeryMissing, PYTHON } from '../support/python/python.js'
import { redisDatabase, redisMissing } from '../support/services/redis.js'

/*
 * The Python side of the page of constructs, run by real Celery: what its client sends, a Lovage worker runs, and it prints what the
 * page shows. Its TypeScript side is run as every sample is.
 */

const PAGE = 'docs/guide/canvas-constructs.md'
const missing = celeryMissing() ?? (await redisMissing())
const options = missing === undefined ? {} : { skip: missing }

test('the Python of the page of constructs comes to what the page shows', options, async () => {
  await using redis = await redisDatabase()
  const app = new App('shop', { brokerUrl: redis.url, resultBackend: redis.url }, { environment: {} })
  tasksOfPage(app)
  const worker = new Worker(app)
  await worker.start()
  const folder = mkdtempSync(join(tmpdir(), 'lovage-page-'))
  try {
    const { program, names } = pythonOfPage()
    writeFileSync(join(folder, 'constructs.py'), program)
    const env = { ...process.env, BROKER_URL: redis.url, RESULT_BACKEND: redis.url, PYTHONDONTWRITEBYTECODE: '1' }
    const python = spawn(PYTHON, ['constructs.py'], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] })
    const [printed, complaints] = await Promise.all([text(python.stdout), text(python.stderr)])
    const shown = (samplesOf(PAGE).find(({ run }) => run)?.output ?? '')
      .split('\n')
      .filter(line => names.includes(line.split(' ')[0] ?? ''))
    assert.deepEqual(printed.trim().split('\n'), shown, complaints)
    assert.ok(shown.length >= 12)
  } finally {
    rmSync(folder, { recursive: true, force: true })
    await worker.stop('warm')
    await app[Symbol.asyncDispose]()
  }
})

test('each section of a construct shows both languages', () => {
  const sections = readPage(PAGE).split(/^## /m).slice(1)
  const constructs = sections.filter(section => /^[A-Z]\w+( and \w+)?: /.test(section))
  assert.equal(constructs.length, 10)
  for (const section of constructs) {
    const languages = new Set(fencesOf(section).map(({ info }) => info[0]))
    assert.deepEqual(languages, new Set(['ts', 'python']), section.split('\n')[0])
  }
})

/** All Python of the page as one program, but for what the installed Celery is too old for; the names that it prints. */
function pythonOfPage(): { readonly program: string; readonly names: readonly string[] } {
  const { stdout } = spawnSync(PYTHON, ['-c', 'import celery; print(*celery.VERSION[:2])'], { encoding: 'utf8' })
  const [major = 0, minor = 0] = stdout.trim().split(' ').map(Number)
  const isNew = major > 5 || (major === 5 && minor >= 3)
  const blocks = fencesOf(readPage(PAGE)).filter(({ info }) => info[0] === 'python' && (isNew || info.length === 1))
  const program = blocks.map(({ code }) => code).join('\n\n')
  const known = isNew ? program : program.replace("'stamped', ", '')
  const names = [...(/for name in \[([^\]]*)\]/.exec(known)?.[1] ?? '').matchAll(/'(\w+)'/g)].map(
    ([, name]) => name as string,
  )
  return { program: known, names }
}

/** As in the page's tasks.ts, replace.ts and add.ts; what they come to is compared. */
function tasksOfPage(app: App): void {
  const price = app.task('shop.price', (item: string): number => item.length * 10)
  app.task('shop.tax', (net: number, percent: number): number => (net * (100 + percent)) / 100)
  app.task('shop.total', (prices: readonly number[]): number => prices.reduce((sum, one) => sum + one, 0))
  const receipt = app.task('shop.receipt', (amount: number, to: string): string => `${to} pays ${amount}`)
  app.task('shop.sold_out', (item: string): number => {
    throw new RangeError(`no ${item} today`)
  })
  app.task('shop.complain', (id: string): string => `${id} went wrong`)
  app.task('shop.basket', async (items: readonly string[]): Promise<number> => {
    for (const item of items) await currentTask().addToChord(price.s(item))
    return 0
  })
  app.task('shop.quote', (item: string): string => {
    throw currentTask().replace(chain(price.s(item), receipt.s('eve')))
  })
}
