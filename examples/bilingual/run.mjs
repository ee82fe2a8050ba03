// Two workers and two clients, one of each language: node examples/bilingual/run.mjs
// Needs RabbitMQ and Python with Celery. BROKER_URL, RESULT_BACKEND and PYTHON say where they are.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

const here = import.meta.dirname
const lovage = join(here, '..', '..', 'dist', 'cli', 'main.js')
const jiti = join(here, '..', '..', 'node_modules', 'jiti', 'lib', 'jiti-cli.mjs')
const python = process.env.PYTHON ?? '/usr/bin/python3'
const env = {
  PYTHONDONTWRITEBYTECODE: '1',
  BROKER_URL: 'amqp://guest:guest@127.0.0.1:5672',
  RESULT_BACKEND: 'rpc://',
  ...process.env,
}

const workers = [
  start([process.execPath, lovage, 'worker', '-A', 'words.ts', '-Q', 'words,typescript', '-l', 'info']),
  start([python, '-m', 'celery', '-A', 'words', 'worker', '-Q', 'words,python', '-c', '2', '-l', 'info']),
]
try {
  await Promise.all(workers.map(ready))
  console.log('Both workers are up.')
  const ends = await Promise.all([run([process.execPath, jiti, 'client.ts']), run([python, 'client.py'])])
  process.exitCode = ends.every(code => code === 0) ? 0 : 1
} catch (error) {
  console.error(error)
  process.exitCode = 1
} finally {
  await Promise.all(workers.map(stop))
}

function start([program, ...args]) {
  const child = spawn(program, args, { cwd: here, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const worker = { child, log: '', name: program, ended: once(child, 'close') }
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', text => {
      worker.log += text
    })
  }
  return worker
}

/** A worker of either language says so in its log. */
async function ready(worker) {
  const end = Date.now() + 90_000
  while (!/ ready\.?/.test(worker.log)) {
    if (worker.child.exitCode !== null || Date.now() > end) throw new Error(`${worker.name} is not up:\n${worker.log}`)
    await new Promise(resolve => setTimeout(resolve, 100))
  }
}

async function run([program, ...args]) {
  const child = spawn(program, args, { cwd: here, env, stdio: ['ignore', 'inherit', 'inherit'] })
  const [code] = await once(child, 'exit')
  return code
}

async function stop({ child, ended }) {
  child.kill('SIGTERM')
  await ended
}
