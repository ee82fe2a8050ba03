import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type NodeLogOptions, openNodeLog } from './node-log.js'

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'lovage-log-'))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

function open(t: TestContext, options: NodeLogOptions) {
  const log = openNodeLog(options)
  t.after(() => log.close())
  return log
}

test('lines are appended to a file that only its owner may write', t => {
  const file = join(folder(t), 'worker.log')
  writeFileSync(file, 'before\n', { mode: 0o640 })
  const { log, flush } = open(t, { file, format: '%(levelname)s %(message)s' })
  log.debug('not written')
  log.info('one')
  log.error('two')
  flush()
  assert.equal(readFileSync(file, 'utf8'), 'before\nINFO one\nERROR two\n')
})

test('S90 a new file has mode 0640', t => {
  const file = join(folder(t), 'worker.log')
  open(t, { file })
  assert.equal(statSync(file).mode & 0o777 & ~0o640, 0)
})

test('S91 a symbolic link is refused', { skip: process.platform === 'win32' && 'no symbolic links' }, t => {
  const path = folder(t)
  symlinkSync(join(path, 'elsewhere'), join(path, 'worker.log'))
  assert.throws(() => openNodeLog({ file: join(path, 'worker.log') }), { code: 'LVG_LOG_FILE' })
})

test('a file in a folder that does not exist is refused', t => {
  assert.throws(() => openNodeLog({ file: join(folder(t), 'no', 'worker.log') }), { code: 'LVG_LOG_FILE' })
})

test('after a rotation reopening goes on in a new file', t => {
  const file = join(folder(t), 'worker.log')
  const { log, flush, reopen } = open(t, { file, format: '%(message)s' })
  log.info('old')
  flush()
  renameSync(file, `${file}.1`)
  reopen()
  log.info('new')
  flush()
  assert.equal(readFileSync(`${file}.1`, 'utf8'), 'old\n')
  assert.equal(readFileSync(file, 'utf8'), 'new\n')
})

test('JSON lines carry time, level, process, message and fields, errors with their stack', t => {
  const file = join(folder(t), 'worker.json')
  const { log, flush } = open(t, { file, output: 'json', processName: 'PoolWorker-1' })
  log.child({ task_id: 'abc' }).warning('slow\u2028', { ms: 12, error: new TypeError('x') })
  flush()
  const line = readFileSync(file, 'utf8')
  const { time, pid, error, ...rest } = JSON.parse(line)
  assert.deepEqual(rest, { level: 'warning', process: 'PoolWorker-1', task_id: 'abc', message: 'slow\u2028', ms: 12 })
  assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  assert.equal(pid, process.pid)
  assert.equal(error.type, 'TypeError')
  assert.doesNotMatch(line, /\u2028/)
})

test('S101 fields that cannot be printed do not stop the work', t => {
  const file = join(folder(t), 'worker.json')
  const { log, flush } = open(t, { file, output: 'json' })
  const circle: Record<string, unknown> = { big: 10n }
  circle['self'] = circle
  const hostile = {
    toJSON: () => {
      throw new Error('no')
    },
  }
  log.info('one', { circle })
  log.info('two', { hostile })
  flush()
  const messages = readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line).message)
  assert.deepEqual(messages, ['one', 'two'])
})

test('closing puts everything out; what is written later is dropped, not thrown', async t => {
  const file = join(folder(t), 'worker.log')
  const { log, close } = openNodeLog({ file, format: '%(message)s' })
  log.info('last')
  await close()
  log.info('late')
  await close()
  assert.equal(readFileSync(file, 'utf8'), 'last\n')
})

test('lines of one turn and of later ones keep their order', async t => {
  const file = join(folder(t), 'worker.log')
  const { log, flush } = open(t, { file, format: '%(message)s' })
  const expected: string[] = []
  for (let turn = 0; turn < 20; turn++) {
    for (let line = 0; line < 5; line++) {
      expected.push(`${turn}.${line} ${'x'.repeat(turn * 1000)}`)
      log.info(expected.at(-1) as string)
    }
    await new Promise(resolve => setImmediate(resolve))
  }
  flush()
  assert.deepEqual(readFileSync(file, 'utf8').trimEnd().split('\n'), expected)
})

test('what is buffered is written when the process exits, to standard error by default', () => {
  const module = JSON.stringify(new URL('node-log.js', import.meta.url).href)
  const script = `
    const { openNodeLog } = await import(${module})
    const { log } = openNodeLog({ format: '%(message)s' })
    for (let i = 0; i < 1000; i++) log.info('line ' + i)
    process.exit(0)`
  const { stderr, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
  assert.equal(stdout, '')
  assert.deepEqual(stderr.split('\n').slice(-3), ['line 998', 'line 999', ''])
  assert.equal(stderr.includes('\u001b'), false)
})
