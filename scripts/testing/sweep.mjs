import { execFile } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const TIMEOUT_MS = 60_000

/**
 * Removes what killed test runs have left: private servers with their folders, virtual hosts with their users, databases.
 * All of these carry the id of the process that made them in their names; those of a process that lives are left alone.
 * Resolves to what was removed. What cannot be looked at is passed over: the tests themselves say what they need.
 */
export async function sweep(environment) {
  const kinds = await Promise.all([
    privateServers(),
    virtualHosts(environment).catch(() => []),
    databases(environment).catch(() => []),
  ])
  return kinds.flat()
}

/** `lovage-redis-PID-…`, `lovage-rabbitmq-PID-…`, `lovage-postgres-PID-…` in the temporary folder; see test/support/services. */
function privateServers() {
  const removed = []
  for (const name of readdirSync(tmpdir())) {
    const pid = /^lovage-(?:redis|rabbitmq|postgres)-(\d+)-/.exec(name)?.[1]
    if (pid === undefined || isAlive(pid)) continue
    const folder = join(tmpdir(), name)
    for (const server of processesIn(folder)) end(server)
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
    removed.push(folder)
  }
  return removed
}

function processesIn(folder) {
  const all = readdirSync('/proc').filter(name => /^\d+$/.test(name))
  return all.filter(pid => {
    try {
      const inside =
        readlinkSync(`/proc/${pid}/cwd`).startsWith(`${folder}/`) || readlinkSync(`/proc/${pid}/cwd`) === folder
      return inside || readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`${folder}/`)
    } catch {
      return false
    }
  })
}

async function virtualHosts({ LOVAGE_TEST_AMQP: url }) {
  if (url === undefined) return []
  const found = await rabbitmqctl('list_vhosts', '--no-table-headers', 'name')
  const left = found.split('\n').filter(name => {
    const pid = /^lovage-.+-(\d+)-[a-z0-9]+$/.exec(name)?.[1]
    return pid !== undefined && !isAlive(pid)
  })
  for (const vhost of left) {
    await rabbitmqctl('delete_vhost', vhost)
    const users = await rabbitmqctl('list_users', '--no-table-headers')
    for (const line of users.split('\n')) {
      const [user = ''] = line.split('\t')
      if (user.startsWith(`${vhost}-`)) await rabbitmqctl('delete_user', user)
    }
  }
  return left.map(vhost => `virtual host ${vhost}`)
}

async function rabbitmqctl(...words) {
  return (await run('rabbitmqctl', ['-q', ...words], { timeout: TIMEOUT_MS })).stdout
}

/** `lovage_test_PID_…` */
async function databases({ LOVAGE_TEST_POSTGRES: url }) {
  if (url === undefined) return []
  const { default: pg } = await import('pg')
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 })
  await client.connect()
  try {
    const { rows } = await client.query(String.raw`SELECT datname FROM pg_database WHERE datname ~ '^lovage_test_\d+_'`)
    const left = rows.map(({ datname }) => datname).filter(name => !isAlive(/\d+/.exec(name)[0]))
    for (const name of left) await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
    return left.map(name => `database ${name}`)
  } finally {
    await client.end()
  }
}

function isAlive(pid) {
  try {
    process.kill(Number(pid), 0)
    return true
  } catch (error) {
    return error.code !== 'ESRCH'
  }
}

function end(pid) {
  try {
    process.kill(Number(pid), 'SIGKILL')
  } catch {
    // It has ended meanwhile.
  }
}
