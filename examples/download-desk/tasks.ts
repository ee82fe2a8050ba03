import { mkdir, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { App, currentTask, every } from 'lovage'
import { createTransport } from 'nodemailer'
import { writeJournal } from './journal.ts'
import { places } from './places.ts'
import { findResource, MissingResource, type Resource, TransientError } from './resources.ts'
import { writeZip } from './zip.ts'

/** The broker is the embedded default: a file `lovage.db` in the working directory. */
export const app = new App('download-desk', {
  profile: 'safe',
  taskRoutes: { 'desk.package': 'package', 'desk.cleanup': 'package', 'desk.notify': 'notify' },
})

export interface Request {
  readonly id: string
  readonly email: string
  readonly resources: readonly string[]
}

export interface Delivery {
  readonly request: string
  readonly email: string
  readonly file: string
  readonly delivered: readonly string[]
  readonly missing: readonly { readonly resource: string; readonly reason: string }[]
}

const retries = {
  autoretryFor: [TransientError],
  retryBackoff: 1,
  retryBackoffMax: '4s',
  retryJitter: false,
  maxRetries: 8,
}

/** Fetches what a request names and packs it. What is missing is reported; the rest is delivered. */
export const packageRequest = app.task(
  'desk.package',
  async (request: Request): Promise<Delivery> => {
    const task = currentTask()
    writeJournal({ what: 'package', request: request.id, retries: task.retries })
    const { found, missing } = await findAll(request.resources, task.signal)
    if (found.length === 0) throw new MissingResource(`nothing of request ${request.id} exists`)
    const total = found.reduce((sum, resource) => sum + resource.bytes, 0)
    const file = join(places.packages, `${request.id}.zip`)
    await mkdir(places.packages, { recursive: true })
    let done = 0
    let told = 0
    await writeZip(file, found, task.signal, bytes => {
      done += bytes
      if (done - told < total / 20 && done < total) return
      told = done
      task.progress(done, total).catch(error => task.log.warning(`progress not told: ${String(error)}`))
    })
    return { request: request.id, email: request.email, file, delivered: found.map(resource => resource.name), missing }
  },
  retries,
)

async function findAll(
  addresses: readonly string[],
  signal: AbortSignal,
): Promise<{ readonly found: readonly Resource[]; readonly missing: Delivery['missing'] }> {
  const found: Resource[] = []
  const missing: { resource: string; reason: string }[] = []
  for (const resource of addresses) {
    try {
      found.push(await findResource(resource, signal))
    } catch (error) {
      if (!(error instanceof MissingResource)) throw error
      missing.push({ resource, reason: error.message })
    }
  }
  return { found, missing }
}

/** Mails the link. The message id comes from the request, so a repeated mail is recognised as the same one. */
export const notify = app.task(
  'desk.notify',
  async (delivery: Delivery): Promise<string> => {
    writeJournal({ what: 'notify', request: delivery.request, retries: currentTask().retries })
    const transport = createTransport({ host: '127.0.0.1', port: Number(process.env['DESK_SMTP_PORT']), secure: false })
    const lines = [
      `Your package: ${delivery.file}`,
      ...delivery.missing.map(({ resource, reason }) => `Not delivered: ${resource} (${reason})`),
    ]
    try {
      const sent = await transport.sendMail({
        from: 'desk@example.org',
        to: delivery.email,
        subject: `Package ${delivery.request}`,
        text: lines.join('\n'),
        messageId: `<${delivery.request}@desk.example.org>`,
      })
      return sent.messageId
    } catch (error) {
      throw new TransientError('the mail server did not take the mail', { cause: error })
    } finally {
      transport.close()
    }
  },
  retries,
)

/**
 * Removes what has been in the packages' folder for longer than `seconds`, and names the packages among it; the rest is
 * what a killed worker left half written. Due every hour, where a beat runs (`lovage beat`, or `lovage worker -B`).
 */
export const cleanup = app.task('desk.cleanup', async (seconds: number): Promise<readonly string[]> => {
  writeJournal({ what: 'cleanup', request: '-', retries: currentTask().retries })
  const limit = currentTask().clock.now() - seconds * 1000
  const removed: string[] = []
  for (const name of await readdir(places.packages).catch(() => [])) {
    const path = join(places.packages, name)
    if ((await stat(path)).mtimeMs > limit) continue
    await rm(path)
    removed.push(name)
  }
  return removed.filter(name => name.endsWith('.zip'))
})

/** What nobody has fetched within a day. */
app.addPeriodicTask(every('1h'), cleanup.s(24 * 3600), { name: 'clean-up' })
