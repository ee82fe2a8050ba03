// Finds the servers that tests need, and starts those that are installed but not running: npm run services
//   --install   installs what is missing, too (root on Debian); ends with 1 when something is still missing
// Run again it does only what is left to do. Looked for at their standard ports, or where these say:
//   LOVAGE_TEST_AMQP       RabbitMQ     default amqp://guest:guest@127.0.0.1:5672
//   LOVAGE_TEST_REDIS      Redis        default redis://127.0.0.1:6379
//   LOVAGE_TEST_POSTGRES   PostgreSQL   default postgresql://lovage:lovage@127.0.0.1:5432/lovage, else user postgres
// Servers elsewhere are only looked at. Nothing but Node's own modules: a fresh clone has nothing else.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

/** How long a server may take from its start to its first answer, and how long an answer may take. */
const START_MS = 60_000
const ANSWER_MS = 1500
const OWN_POSTGRES = 'postgresql://lovage:lovage@127.0.0.1:5432/lovage'

const isRoot = process.getuid?.() === 0
const isDebian = existsSync('/etc/debian_version') && existsSync('/usr/bin/apt-get')

/**
 * What each server is: where it is looked for, how it says that it is ready, how it is started and installed.
 * `answers` resolves to true when it serves, false when it is there but not ready; it rejects when nobody listens.
 */
const SERVERS = [
  {
    name: 'RabbitMQ',
    variable: 'LOVAGE_TEST_AMQP',
    urls: ['amqp://guest:guest@127.0.0.1:5672'],
    packages: ['rabbitmq-server'],
    service: 'rabbitmq-server',
    program: () => existsSync('/usr/sbin/rabbitmq-server'),
    answers: url => asks(url, 5672, Buffer.from('AMQP\0\0\x09\x01', 'latin1'), reply => reply[0] === 1),
  },
  {
    name: 'Redis',
    variable: 'LOVAGE_TEST_REDIS',
    urls: ['redis://127.0.0.1:6379'],
    packages: ['redis-server'],
    service: 'redis-server',
    program: () => existsSync('/usr/bin/redis-server'),
    answers: url => asks(url, 6379, Buffer.from('PING\r\n'), reply => /^(\+PONG|-NOAUTH)/.test(reply.toString())),
  },
  {
    name: 'PostgreSQL',
    variable: 'LOVAGE_TEST_POSTGRES',
    urls: [OWN_POSTGRES, 'postgresql://postgres@127.0.0.1:5432/postgres'],
    packages: ['postgresql'],
    service: 'postgresql',
    program: () => existsSync('/usr/lib/postgresql') && readdirSync('/usr/lib/postgresql').length > 0,
    answers: url => asks(url, 5432, startupMessage(url), isReadyPostgres),
    admits: canLogIn,
    prepare: makeRole,
  },
]

/** Programs, not servers: the Python side of the interoperability tests, a pooler before PostgreSQL, and what makes certificates. */
const PROGRAMS = [
  {
    name: 'Python Celery',
    packages: [
      'python3-celery',
      'python3-redis',
      'python3-psycopg2',
      'python3-sqlalchemy',
      'python3-msgpack',
      'python3-yaml',
      'python3-ephem',
    ],
    isThere: () => hasPython(['celery', 'redis', 'psycopg2', 'sqlalchemy', 'msgpack', 'yaml', 'ephem']),
  },
  { name: 'PgBouncer', packages: ['pgbouncer'], isThere: () => ok('pgbouncer', ['--version']) },
  { name: 'OpenSSL', packages: ['openssl'], isThere: () => ok('openssl', ['version']) },
]

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { install: { type: 'boolean', default: false } } })
  const { missing } = await services({ install: values.install })
  process.exitCode = values.install && missing.length > 0 ? 1 : 0
}

/** Resolves to the environment in which tests find the servers, and what there is not. Says what it did. */
export async function services({ install = false, quiet = false } = {}) {
  const say = quiet ? () => undefined : console.log
  if (install) installMissing()
  const found = await Promise.all(SERVERS.map(server => find(server, install)))
  const programs = PROGRAMS.map(({ name, isThere }) => ({ name, ready: isThere(), what: 'not installed' }))
  const all = [...found, ...programs]
  for (const { name, ready, url, what, did } of all) {
    if (!ready) console.log(`${name}: ${what}`)
    else say(`${name}: ready${url === undefined ? '' : ` at ${masked(url)}`}${did === undefined ? '' : ` (${did})`}`)
  }
  const environment = Object.fromEntries(found.filter(one => one.ready).map(({ variable, url }) => [variable, url]))
  return { environment, missing: all.filter(one => !one.ready).map(one => one.name) }
}

async function find(server, install) {
  const { name, variable } = server
  const given = process.env[variable]
  const urls = given === undefined ? server.urls : [given]
  const state = await stateOf(server, urls[0])
  let did
  if (state === 'absent') {
    if (given !== undefined && !isStandard(given, server.urls[0])) {
      return { name, ready: false, what: `${masked(given)} does not answer` }
    }
    if (!server.program()) return { name, ready: false, what: 'not installed, not running' }
    if (!isRoot) return { name, ready: false, what: `not running; start it with: sudo service ${server.service} start` }
    const started = start(server)
    if (started !== undefined) return { name, ready: false, what: `could not be started: ${started}` }
    did = 'started now'
  }
  if (state !== 'ready' && !(await becomesReady(server, urls[0]))) {
    return { name, ready: false, what: `${masked(urls[0])} is not ready after ${START_MS / 1000} s` }
  }
  if (install && given === undefined) server.prepare?.()
  const url = urls.find(one => server.admits?.(one) ?? true)
  if (url === undefined)
    return { name, ready: false, what: `runs, but lets nobody in as ${urls.map(masked).join(' or ')}` }
  return { name, variable, ready: true, url, did }
}

async function stateOf(server, url) {
  try {
    return (await server.answers(url)) ? 'ready' : 'starting'
  } catch (error) {
    return error.code === 'ETIMEDOUT' ? 'starting' : 'absent'
  }
}

async function becomesReady(server, url) {
  for (const end = Date.now() + START_MS; Date.now() < end; await sleep(200)) {
    if ((await stateOf(server, url)) === 'ready') return true
  }
  return false
}

/** Undefined when it went well, else why not. */
function start({ name, service }) {
  console.log(`Starting ${name} …`)
  const options = { encoding: 'utf8', timeout: START_MS, stdio: ['ignore', 'pipe', 'pipe'] }
  const done = existsSync('/run/systemd/system')
    ? spawnSync('systemctl', ['start', service], options)
    : spawnSync('service', [service, 'start'], options)
  if (done.status === 0) return undefined
  return done.error?.message ?? lastLine(done.stderr) ?? lastLine(done.stdout) ?? `exit ${done.status}`
}

function installMissing() {
  const servers = SERVERS.filter(({ variable, program }) => process.env[variable] === undefined && !program())
  const packages = [...servers, ...PROGRAMS.filter(({ isThere }) => !isThere())].flatMap(one => one.packages)
  if (packages.length === 0) return
  if (!isRoot || !isDebian) {
    console.log(`Cannot install ${packages.join(' ')}: that takes root on Debian.`)
    return
  }
  console.log(`Installing ${packages.join(' ')} …`)
  const options = { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } }
  spawnSync('apt-get', ['-qq', 'update'], options)
  const done = spawnSync('apt-get', ['-qq', '-y', '--no-install-recommends', 'install', ...packages], options)
  if (done.status !== 0) console.log(`apt-get ended with ${done.status}`)
}

/** One exchange of bytes. Rejects when nobody listens or answers. */
function asks(url, port, question, understand) {
  const { hostname, port: given } = new URL(url)
  const { promise, resolve, reject } = Promise.withResolvers?.() ?? withResolvers()
  const socket = connect({ host: hostname, port: Number(given || port) })
  socket.setTimeout(ANSWER_MS)
  socket.on('connect', () => socket.write(question))
  socket.on('data', reply => resolve(understand(reply)))
  socket.on('timeout', () => reject(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })))
  socket.on('error', reject)
  socket.on('close', () => resolve(false))
  return promise.finally(() => socket.destroy())
}

/** Node 20 has no Promise.withResolvers. */
function withResolvers() {
  let resolve
  let reject
  const promise = new Promise((one, other) => {
    resolve = one
    reject = other
  })
  return { promise, resolve, reject }
}

/** Protocol 3.0, and who wants in. */
function startupMessage(url) {
  const { username, pathname } = new URL(url)
  const text = `user\0${username}\0database\0${pathname.slice(1)}\0\0`
  const message = Buffer.alloc(8 + text.length)
  message.writeInt32BE(message.length, 0)
  message.writeInt32BE(0x30000, 4)
  message.write(text, 8, 'latin1')
  return message
}

/** It asks who we are, or refuses us for another reason than that it is starting (57P03). */
function isReadyPostgres(reply) {
  return reply[0] === 0x52 || (reply[0] === 0x45 && !reply.includes('57P03'))
}

/** Without psql the tests will see. */
function canLogIn(url) {
  const done = spawnSync('psql', [url, '-qAtc', 'select 1'], {
    stdio: 'ignore',
    env: { ...process.env, PGCONNECT_TIMEOUT: '5' },
  })
  return done.error === undefined ? done.status === 0 : true
}

/** A role and a database of our own, so that no other has to be opened. */
function makeRole() {
  if (!isRoot || canLogIn(OWN_POSTGRES)) return
  asPostgres("create role lovage login superuser password 'lovage'")
  asPostgres('create database lovage owner lovage')
}

function asPostgres(sql) {
  spawnSync('su', ['postgres', '-c', `psql -qc "${sql}"`], { cwd: '/', stdio: ['ignore', 'ignore', 'inherit'] })
}

function hasPython(modules) {
  const script = `import importlib.util as u, sys; sys.exit(any(u.find_spec(m) is None for m in ${JSON.stringify(modules)}))`
  return ok('/usr/bin/python3', ['-c', script])
}

function ok(command, args) {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0
}

/** The place at which the service of this machine listens. */
function isStandard(url, standard) {
  const { hostname, port } = new URL(url)
  return ['127.0.0.1', 'localhost', '[::1]'].includes(hostname) && ['', new URL(standard).port].includes(port)
}

function masked(url) {
  return url.replace(/:[^:@/]+@/, ':***@')
}

function lastLine(text) {
  return text?.trim().split('\n').at(-1) || undefined
}
