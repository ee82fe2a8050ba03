import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { privateRedis, redisServerMissing } from '../../support/services/redis.js'

/* What keeps a process alive: work under way and consumers, nothing else. */

const missing = redisServerMissing()
const skip = missing === undefined ? {} : { skip: missing }

function run(program: string) {
  const source = (name: string): string => new URL(`../../../src/${name}.js`, import.meta.url).href
  const head = `import { App } from '${source('index')}'; import { Worker } from '${source('worker')}';`
  return spawn(process.execPath, ['--input-type=module', '-e', head + program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

test('a client that has sent its task and read a result ends, without closing anything', skip, async () => {
  await using server = await privateRedis()
  const child = run(`
    const app = new App('x', { brokerUrl: '${server.url}', resultBackend: '${server.url}' })
    const result = await app.task('noop', () => 1).delay()
    console.log(await result.state())
  `)
  const [code] = await once(child, 'exit')
  assert.equal(code, 0)
})

test('a worker starts, stays while it waits, and runs what comes', skip, async () => {
  await using server = await privateRedis()
  const child = run(`
    const app = new App('x', { brokerUrl: '${server.url}', resultBackend: '${server.url}' })
    const noop = app.task('noop', () => console.log('ran'))
    const worker = new Worker(app, {})
    await worker.start()
    console.log('started')
    const timer = setTimeout(() => void noop.delay(), 1500)
    timer.unref()
  `)
  try {
    let said = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text
    })
    const ended = once(child, 'exit').then(([code]) => `exit ${code}`)
    const ran = (async () => {
      while (!said.includes('ran')) await once(child.stdout, 'data')
      return 'ran'
    })()
    assert.equal(await Promise.race([ended, ran]), 'ran', said)
  } finally {
    child.kill('SIGKILL')
  }
})
