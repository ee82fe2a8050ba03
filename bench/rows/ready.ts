import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Child } from '../child.js'
import { packageBuild, packageModule } from '../package-build.js'
import { SqlitePlace } from '../places.js'
import type { Contestant, Row } from '../row.js'

const AIM = { kind: 'ratio-at-most', value: 1.3 } as const

/** From the start of the process to a worker that consumes. */
export function ready(): Row {
  return {
    name: 'ready',
    title: 'start to ready: a program with a worker over SQLite, beside one with a BullMQ worker',
    needs: ['Redis'],
    figures: [{ name: 'ready', unit: 'ms', aim: AIM }],
    ours: () => {
      const place = new SqlitePlace('full')
      return {
        name: 'lovage program',
        run: () => program('lovage-worker', { ...place.settings, ...place.results }),
        [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
      }
    },
    theirs: bullMqProgram,
  }
}

/** The same by the command `lovage worker`, which BullMQ has no like of. */
export function readyCommand(): Row {
  return {
    name: 'ready-command',
    title: 'start to ready: the command lovage worker, beside a program with a BullMQ worker',
    needs: ['Redis'],
    figures: [{ name: 'ready', unit: 'ms', aim: AIM }],
    ours: () => {
      const place = new SqlitePlace('full')
      const index = packageModule('index.js')
      writeFileSync(join(place.folder, 'package.json'), '{ "type": "module" }')
      writeFileSync(
        join(place.folder, 'tasks.js'),
        `import { App } from '${index}'\nexport const app = new App('bench')\napp.task('bench.noop', () => null)\n`,
      )
      return {
        name: 'lovage worker',
        run: () => command(place.folder),
        [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
      }
    },
    theirs: bullMqProgram,
  }
}

function bullMqProgram(): Contestant {
  return { name: 'BullMQ program', run: () => program('bullmq-worker', { queue: 'ready' }) }
}

async function program(name: 'lovage-worker' | 'bullmq-worker', options: object): Promise<{ readonly ready: number }> {
  await using child = await Child.start(name, options)
  return { ready: child.readyAfter }
}

function command(folder: string): Promise<{ readonly ready: number }> {
  const main = join(packageBuild(), 'cli', 'main.js')
  const started = performance.now()
  const child = spawn(process.execPath, [main, 'worker', '-A', 'tasks.js', '--loglevel', 'info'], { cwd: folder })
  return new Promise((resolve, reject) => {
    let said = ''
    let sample: { readonly ready: number } | undefined
    const hear = (chunk: Buffer): void => {
      said += chunk.toString()
      if (sample !== undefined || !said.includes(' ready.')) return
      sample = { ready: performance.now() - started }
      child.kill('SIGTERM')
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
    child.once('exit', () => {
      if (sample === undefined) reject(new Error(`lovage worker ended before it was ready:\n${said}`))
      else resolve(sample)
    })
  })
}
