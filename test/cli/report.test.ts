import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { lovage } from './fake-io.js'
import { Project } from './project.js'

const SECRET = 'c4nary'

test('S80 config and report show every setting without its secrets', async () => {
  using project = new Project()
  const env = {
    LOVAGE_BROKER_URL: `memory://user:${SECRET}@host`,
    LOVAGE_BROKER_PASSWORD: SECRET,
    LOVAGE_SECURITY_KEY_PASSWORD: SECRET,
  }
  for (const words of [['config'], ['config', '--json'], ['report'], ['report', '--json']]) {
    const ran = await project.run(words, { env })
    assert.equal(ran.code, 0, ran.stderr)
    assert.ok(!`${ran.stdout}${ran.stderr}`.includes(SECRET), words.join(' '))
    assert.match(ran.stdout, /\*{8}/)
  }
})

test('config shows each setting with its origin; --changed only what is no default', async () => {
  using project = new Project()
  const all = JSON.parse((await project.run(['config', '--json'])).stdout).settings
  const changed = JSON.parse((await project.run(['config', '--json', '--changed'])).stdout).settings
  assert.deepEqual(
    changed.map((row: { name: string; origin: string }) => [row.name, row.origin]),
    [
      ['brokerUrl', 'code'],
      ['resultBackend', 'code'],
    ],
  )
  assert.ok(all.length > 150)
  assert.match((await project.run(['config'])).stdout, /^taskDefaultQueue +celery +default$/m)
})

test('report names versions, platform, app, queues and tasks', async () => {
  using project = new Project()
  const { stdout } = await project.run(['report'])
  for (const part of [
    /^lovage: +\d/m,
    /^node: +v20\.19\.0$/m,
    /^app: +demo$/m,
    /^queues: +celery$/m,
    /^tasks: +tasks\.add, tasks\.fail$/m,
  ]) {
    assert.match(stdout, part)
  }
})

test('init writes a project, and never overwrites', async () => {
  using project = new Project()
  const ran = await lovage(['init', 'My Shop', '--json'], project.io())
  assert.equal(ran.code, 0, ran.stderr)
  assert.deepEqual(readdirSync(project.path('My Shop')).sort(), [
    '.gitignore',
    'README.md',
    'lovage.config.ts',
    'package.json',
    'send.ts',
    'tasks.ts',
    'tsconfig.json',
  ])
  assert.equal(JSON.parse(readFileSync(project.path('My Shop/package.json'), 'utf8')).name, 'my-shop')
  const again = await lovage(['init', 'My Shop', '--javascript'], project.io())
  assert.equal(again.code, 2)
  assert.match(again.stderr, /^LVG_INIT_EXISTS: .*package\.json/)
  assert.equal(existsSync(project.path('My Shop/tasks.js')), false)
  const nameless = await lovage(['init', '--name', '///'], project.io())
  assert.deepEqual([nameless.code, /^LVG_PROJECT_NAME/.test(nameless.stderr)], [2, true])
})

test('what init writes is an app with the safe profile and two tasks', async () => {
  using project = new Project()
  await lovage(['init', 'shop'], project.io())
  const ran = await lovage(['report', '--json', '--workdir', 'shop'], project.io())
  assert.equal(ran.code, 0, ran.stderr)
  const { app, tasks, settings } = JSON.parse(ran.stdout)
  assert.deepEqual(
    [app, tasks, settings.profile, settings.taskAcksLate],
    ['shop', ['tasks.add', 'tasks.greet'], 'safe', true],
  )
})

test('sqlite recover saves what waits in a file into a new one', async () => {
  using project = new Project()
  await project.run(['call', 'tasks.add', '--args', '[1, 2]'])
  const ran = await lovage(['sqlite', 'recover', 'lovage.db', '-o', 'saved.db'], project.io())
  assert.equal(ran.code, 0, ran.stderr)
  const queues = await lovage(['queues', '--json', '-b', `sqlite:///${project.path('saved.db')}`], project.io())
  assert.equal(JSON.parse(queues.stdout).find((row: { queue: string }) => row.queue === 'celery').ready, 1)
  const missing = await lovage(['sqlite', 'recover', 'nothing.db'], project.io())
  assert.deepEqual([missing.code, /nothing\.db/.test(missing.stderr)], [2, true])
})

test('D80 a file that is no database exits with 2, a damaged one with 74', async () => {
  using project = new Project()
  project.write('other.db', 'this is a letter to my aunt, and no database at all')
  const other = await lovage(['queues', '-b', `sqlite:///${project.path('other.db')}`], project.io())
  assert.equal(other.code, 2, other.stderr)
  await project.run(['call', 'tasks.add', '--args', '[1, 2]'])
  const bytes = readFileSync(project.database)
  bytes.fill(0xaa, 0, 2048)
  writeFileSync(project.database, bytes)
  const damaged = await project.run(['queues'])
  assert.equal(damaged.code, 74, damaged.stderr)
  assert.match(damaged.stderr, /lovage sqlite recover/)
})
