import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { celeryMissing, PYTHON } from '../support/python/python.js'
import { repositoryRoot } from '../support/repository.js'
import { openRabbitMq, rabbitMqMissing } from '../support/services/rabbitmq.js'

const EXAMPLE = join(repositoryRoot(), 'examples', 'bilingual')
const missing = celeryMissing() ?? (await rabbitMqMissing())
const options = missing === undefined ? {} : { skip: missing }

test('the types of the bilingual example fit those that are published', () => {
  const compiler = join(repositoryRoot(), 'node_modules', 'typescript', 'bin', 'tsc')
  const { status, stdout } = spawnSync(process.execPath, [compiler, '-p', EXAMPLE], { encoding: 'utf8' })
  assert.equal(status, 0, stdout)
})

test('the bilingual example: two workers share one queue, two clients call both', options, async () => {
  await using rabbit = await openRabbitMq('bilingual')
  const env = { ...process.env, BROKER_URL: rabbit.url, RESULT_BACKEND: 'rpc://', PYTHON }
  const program = spawn(process.execPath, [join(EXAMPLE, 'run.mjs')], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const [stdout, stderr, [status]] = await Promise.all([
    text(program.stdout),
    text(program.stderr),
    once(program, 'exit'),
  ])
  assert.equal(status, 0, `${stdout}\n${stderr}`)
  // How the calls are shared is up to the broker; that both workers got some is what the example shows.
  const workers = new Set<string>()
  for (const client of ['TypeScript', 'Python']) {
    const [, counts = ''] = new RegExp(`${client} client: counted by (.*)`).exec(stdout) ?? []
    let sum = 0
    for (const [, by = '', n] of counts.matchAll(/'?(\w+)'?: (\d+)/g)) {
      workers.add(by)
      sum += Number(n)
    }
    assert.equal(sum, 20, stdout)
  }
  assert.deepEqual([...workers].sort(), ['Python', 'TypeScript'], stdout)
  for (const line of [
    'TypeScript client: Python says LOVAGE BESIDE PYTHON!',
    'TypeScript client: Python raises ValueError(nothing to shout)',
    'Python client: TypeScript says lovage-beside-python',
    "Python client: TypeScript raises ValueError('nothing to name')",
  ]) {
    assert.ok(stdout.includes(line), stdout)
  }
})
