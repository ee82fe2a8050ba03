import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { lovage, type Ran } from './fake-io.js'
import { Project } from './project.js'

function config(project: Project, words: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ran> {
  return lovage(['config', '--changed', '--json', ...words], project.io({ env }))
}

/** `{name: [value, origin]}` */
function settings(ran: Ran): Readonly<Record<string, readonly [unknown, string]>> {
  assert.equal(ran.code, 0, ran.stderr)
  const { settings } = JSON.parse(ran.stdout)
  return Object.fromEntries(
    settings.map((row: { name: string; value: unknown; origin: string }) => [row.name, [row.value, row.origin]]),
  )
}

test('a TypeScript app is loaded from a path, with or without extension, and from LOVAGE_APP', async () => {
  using project = new Project()
  project.write('a.ts', project.source())
  assert.equal(JSON.parse((await config(project, ['-A', 'a.ts'])).stdout).app, 'demo')
  project.write('b.ts', project.source())
  assert.equal(JSON.parse((await config(project, ['-A', './b'])).stdout).module, project.path('b.ts'))
  project.write('c.ts', project.source())
  assert.equal(JSON.parse((await config(project, [], { LOVAGE_APP: 'c.ts' })).stdout).module, project.path('c.ts'))
})

test('a JavaScript app is imported by Node itself', async () => {
  using project = new Project()
  const lovageUrl = new URL('../../src/index.js', import.meta.url).href
  project.write('app.mjs', `import { App } from '${lovageUrl}'\nawait null\nexport const app = new App('plain')\n`)
  assert.equal(JSON.parse((await config(project, ['-A', 'app.mjs'])).stdout).app, 'plain')
})

test('module:name picks an export', async () => {
  using project = new Project()
  project.write(
    'two.ts',
    `import { App } from 'lovage'\nexport const app = new App('one')\nexport const other = new App('two')\n`,
  )
  assert.equal(JSON.parse((await config(project, ['-A', 'two.ts:other'])).stdout).app, 'two')
})

test('without -A the configuration names the app, and its settings lie over those of the code', async () => {
  using project = new Project()
  mkdirSync(project.path('src'))
  project.write('src/main.ts', project.source("workerConcurrency: 2, taskDefaultQueue: 'code'"))
  project.write(
    'lovage.config.ts',
    `import { defineConfig } from 'lovage'\nexport default defineConfig({ app: './src/main.ts', worker: { concurrency: 3 } })\n`,
  )
  const found = settings(await config(project, []))
  assert.deepEqual(found['workerConcurrency'], [3, 'file'])
  assert.deepEqual(found['taskDefaultQueue'], ['code', 'code'])
})

test('a folder after -A brings its own configuration and app', async () => {
  using project = new Project()
  mkdirSync(project.path('shop'))
  project.write('shop/tasks.ts', project.source())
  project.write('shop/lovage.config.ts', `export default { profile: 'safe' }\n`)
  const ran = await config(project, ['-A', 'shop'])
  assert.equal(JSON.parse(ran.stdout).module, project.path(join('shop', 'tasks.ts')))
  assert.deepEqual(settings(ran)['taskAcksLate'], [true, 'profile'])
})

test('flags win over the environment, that over the file', async () => {
  using project = new Project()
  project.write('lovage.config.ts', `export default { brokerUrl: 'memory://file', logLevel: 'error' }\n`)
  project.write('app.ts', project.source())
  const env = { LOVAGE_BROKER_URL: 'memory://environment' }
  const fromEnvironment = settings(await config(project, ['-A', 'app.ts'], env))
  assert.deepEqual(fromEnvironment['brokerUrl'], ['memory://environment', 'environment'])
  assert.deepEqual(fromEnvironment['logLevel'], ['error', 'file'])
  project.write('app2.ts', project.source())
  const fromFlags = settings(await config(project, ['-A', 'app2.ts', '-b', 'memory://flag', '-l', 'WARN'], env))
  assert.deepEqual(fromFlags['brokerUrl'], ['memory://flag', 'flag'])
  assert.deepEqual(fromFlags['logLevel'], ['warning', 'flag'])
})

test('a broker without any app is enough to look after queues, and not enough for a worker', async () => {
  using project = new Project()
  const bare = await lovage(['queues', '--json', '-b', `sqlite:///${project.database}`], project.io())
  assert.equal(bare.code, 0, bare.stderr)
  const worker = await lovage(['worker', '-b', `sqlite:///${project.database}`], project.io())
  assert.equal(worker.code, 2)
  assert.match(worker.stderr, /^LVG_APP_NOT_FOUND: /)
})

test('without app and broker nothing is guessed', async () => {
  using project = new Project()
  const ran = await lovage(['queues'], project.io())
  assert.equal(ran.code, 2)
  assert.match(ran.stderr, /^LVG_APP_NOT_FOUND: .*-A \.\/tasks\.ts/)
})

test('a missing module exits with 2 and says what was looked for', async () => {
  using project = new Project()
  const ran = await lovage(['queues', '-A', 'nowhere.ts'], project.io())
  assert.equal(ran.code, 2)
  assert.match(ran.stderr, /^LVG_APP_NOT_FOUND: .*nowhere\.ts/)
})

test('a syntax error exits with 2 and names file, line and column, in TypeScript and JavaScript', async () => {
  using project = new Project()
  for (const name of ['bad.ts', 'bad.mjs']) {
    project.write(name, 'export const one = 1\nexport const two = = 2\n')
    const ran = await lovage(['queues', '-A', name], project.io())
    assert.equal(ran.code, 2)
    assert.match(ran.stderr, new RegExp(`^LVG_MODULE_SYNTAX: .*${name}:2:\\d+`), name)
  }
})

test('a module that throws exits with 2 and names the error and its line; --debug adds the stack', async () => {
  using project = new Project()
  project.write('throws.ts', '\nfunction boom(): never { throw new TypeError("no luck") }\nboom()\n')
  const ran = await lovage(['queues', '-A', 'throws.ts'], project.io())
  assert.equal(ran.code, 2)
  assert.match(ran.stderr, /^LVG_MODULE_FAILED: .*TypeError: no luck \(throws\.ts:2:/)
  assert.ok(!ran.stderr.includes('    at '))
  const debug = await lovage(['queues', '-A', 'throws.ts', '--debug'], project.io())
  assert.match(debug.stderr, /^ {4}at .*throws\.ts:2/m)
})

test('a module without an App exits with 2 and says what to write', async () => {
  using project = new Project()
  project.write('none.ts', 'export const add = (x: number) => x\n')
  const ran = await lovage(['queues', '-A', 'none.ts'], project.io())
  assert.equal(ran.code, 2)
  assert.match(ran.stderr, /^LVG_APP_NOT_EXPORTED: .*export const app = new App/)
})

test('M48 a setting that makes no sense exits with 2, names key and place, and shows no secret', async () => {
  using project = new Project()
  project.write('app.ts', project.source())
  project.write(
    'lovage.config.ts',
    `export default { workerConcurency: 3, taskTimeLimit: 'soon', brokerPassword: 7 }\n`,
  )
  const ran = await lovage(['queues', '-A', 'app.ts'], project.io())
  assert.equal(ran.code, 2)
  assert.match(ran.stderr, /workerConcurency.*Did you mean `workerConcurrency`/)
  assert.match(ran.stderr, /taskTimeLimit/)
})

test('a configuration that is missing or no settings exits with 2', async () => {
  using project = new Project()
  project.write('empty.ts', 'export const nothing = 1\n')
  const missing = await lovage(['queues', '--config', 'no.ts'], project.io())
  assert.match(missing.stderr, /^LVG_CONFIG_FILE: .*no\.ts/)
  const empty = await lovage(['queues', '--config', 'empty.ts'], project.io())
  assert.match(empty.stderr, /^LVG_CONFIG_FILE: .*defineConfig/)
  assert.deepEqual([missing.code, empty.code], [2, 2])
})

test('S81 a password on the command line works and is warned of; a file keeps it away from there', async () => {
  using project = new Project()
  const url = 'memory://user:s3cret@host'
  project.write('broker', `${url}\n`)
  const typed = await lovage(['config', '--changed', '-b', url], project.io())
  assert.equal(typed.code, 0, typed.stderr)
  assert.match(typed.stderr, /warning: the password in --broker can be seen/)
  const filed = await lovage(['config', '--changed', '--broker-file', 'broker'], project.io())
  assert.equal(filed.code, 0, filed.stderr)
  assert.equal(filed.stderr, '')
  for (const ran of [typed, filed]) assert.ok(!`${ran.stdout}${ran.stderr}`.includes('s3cret'))
})

test('--workdir is where everything relative starts', async () => {
  using project = new Project()
  mkdirSync(project.path('deep'))
  project.write('deep/app.ts', project.source())
  const ran = await config(project, ['--workdir', 'deep', '-A', 'app.ts'])
  assert.equal(JSON.parse(ran.stdout).module, project.path(join('deep', 'app.ts')))
})
