import assert from 'node:assert/strict'
import { test } from 'node:test'
import { App } from '../../src/app/app.js'
import type { ProgressStep } from '../../src/app/progress-stream.js'
import type { SettingsInput } from '../../src/app/settings.js'
import { redisDatabase, redisMissing } from '../support/services/redis.js'
import { LovageProcess } from './process.js'
import { Project } from './project.js'

/* Progress and logs of tasks from other processes, and, with prefork, from their children. */

const missing = await redisMissing()

/** Waits between its steps until somebody has seen them. */
const TASKS = `
import { existsSync } from 'node:fs'
const pause = () => new Promise(resolve => setTimeout(resolve, 20))
export const count = app.task('tasks.count', async (steps: number) => {
  const { log } = currentTask()
  log.info('begun')
  for (let step = 1; step < steps; step++) await currentTask().progress(step, steps, { step })
  while (!existsSync('seen')) await pause()
  await currentTask().progress(steps, steps)
  log.info('done')
  return 'counted'
})
`

interface Place extends AsyncDisposable {
  readonly settings: SettingsInput
}

async function redisPlace(): Promise<Place> {
  const database = await redisDatabase()
  const settings = { brokerUrl: database.url, resultBackend: database.url }
  return { settings, [Symbol.asyncDispose]: () => database[Symbol.asyncDispose]() }
}

async function sqlitePlace(project: Project): Promise<Place> {
  const file = project.database
  const settings = { brokerUrl: `sqlite:///${file}`, resultBackend: `db+sqlite:///${file}` }
  return { settings, [Symbol.asyncDispose]: async () => undefined }
}

const PLACES = [
  ['sqlite', {}, sqlitePlace],
  ['redis', missing === undefined ? {} : { skip: missing }, redisPlace],
] as const

for (const [name, needs, open] of PLACES) {
  for (const pool of ['inline', 'prefork']) {
    test(
      `progress of a task in another process (${pool}, over ${name}) is pushed step by step, with its log beside it`,
      needs,
      async () => {
        using project = new Project()
        await using place = await open(project)
        const { brokerUrl, resultBackend } = place.settings
        const given = `brokerUrl: '${String(brokerUrl)}', resultBackend: '${String(resultBackend)}', taskLogs: true`
        project.plain(
          'tasks',
          `import { App, currentTask } from 'lovage'\nexport const app = new App('demo', { ${given} })\n${TASKS}`,
        )
        using worker = new LovageProcess(['worker', '-A', 'tasks.mjs', '-l', 'info', '-c', '1', '-P', pool], {
          cwd: project.folder,
        })
        await worker.says(/ready\./)
        await using app = new App('watcher', place.settings)
        const result = await app.sendTask('tasks.count', [1000])
        const steps: ProgressStep[] = []
        for await (const step of result.progress({ timeout: 90 })) {
          steps.push(step)
          if (step.current !== undefined) project.write('seen', '')
        }
        const counted = steps.filter(({ current }) => current !== undefined)
        assert.ok(counted.length >= 1 && counted.length <= 20, `${counted.length} steps`)
        assert.ok(counted.every(({ state, total }) => state === 'PROGRESS' && total === 1000))
        const last = steps.at(-1)
        assert.deepEqual([last?.state, last?.ended, last?.info], ['SUCCESS', true, 'counted'])
        assert.deepEqual(
          (await result.log()).map(line => `${line.level} ${line.message}`),
          ['info begun', 'info done'],
        )
        await result.forget()
        assert.deepEqual([await result.state(), await result.log()], ['PENDING', []])
      },
    )
  }
}

test('H74 two living workers under one name are said by both', {
  ...(missing === undefined ? {} : { skip: missing }),
}, async () => {
  using project = new Project()
  await using place = await redisPlace()
  project.plain('tasks', project.source(`brokerUrl: '${String(place.settings.brokerUrl)}'`))
  const start = () =>
    new LovageProcess(['worker', '-A', 'tasks.mjs', '-l', 'info', '-n', 'same@here'], { cwd: project.folder })
  using one = start()
  using two = start()
  await one.says(new RegExp(`Another worker, process ${two.pid}, lives under the name same@here`))
  await two.says(new RegExp(`Another worker, process ${one.pid}, lives under the name same@here`))
})
