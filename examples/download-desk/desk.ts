import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { Board } from './board.ts'
import { generate } from './contents.ts'
import { readJournal } from './journal.ts'
import { MailServer } from './mail-server.ts'
import { places } from './places.ts'
import { localFiles, makeRequests, remoteFiles } from './requests.ts'
import { ResourceServer } from './resource-server.ts'
import { app, cleanup, type Delivery, notify, packageRequest, type Request } from './tasks.ts'
import { existing, mailFaults, packageFaults } from './verify.ts'
import { WorkerProcess } from './workers.ts'

type Ended = { readonly kind: 'delivered'; readonly delivery: Delivery } | { readonly kind: 'failed'; readonly reason: string }

/** Longest time the whole desk may take. */
const PATIENCE = 90

/** Twelve requests through two worker processes, one of which is killed in the middle. Resolves to what went wrong. */
export async function runDesk(): Promise<readonly string[]> {
  await forgetLastRun()
  await generate(localFiles)
  await using resources = new ResourceServer(remoteFiles)
  await using mailbox = new MailServer(3)
  const server = await resources.start()
  const environment = { DESK_SMTP_PORT: String(await mailbox.start()) }
  await using packagers = new Replaceable(() => new WorkerProcess('package', 'package', environment))
  await using notifier = new WorkerProcess('notify', 'notify', environment)
  console.log('Starting two workers, one for queue package, one for queue notify …')
  await Promise.all([packagers.current.ready(), notifier.ready()])

  const requests = makeRequests(server)
  const board = new Board(requests)
  board.say(`Sending ${requests.length} requests …`)
  const results = await Promise.all(requests.map(send))
  const watching = watch(results, requests, board)
  const killed = killInTheMiddle(packagers, board)
  const ended = await Promise.all(results.map(result => result.package.get({ timeout: PATIENCE }).then(delivered, failed)))
  await killed
  await Promise.all(
    ended.map((end, index) => (end.kind === 'delivered' ? results[index]?.mail.get({ timeout: PATIENCE }) : undefined)),
  )
  await watching.stop()

  const faults = await check(requests, ended, mailbox)
  report(requests, ended, mailbox)
  const removed = await (await cleanup.delay(0)).get({ timeout: PATIENCE })
  console.log(`\nClean-up removed ${removed.length} expired packages.`)
  if (removed.length !== ended.filter(end => end.kind === 'delivered').length) faults.push('the clean-up left packages behind')
  return faults
}

interface Sent {
  readonly package: Awaited<ReturnType<typeof packageRequest.delay>>
  readonly mail: Awaited<ReturnType<typeof notify.delay>>
}

/** The mail follows the package by itself: its signature travels along as the package's callback. */
async function send(request: Request): Promise<Sent> {
  const mailId = `mail-${request.id}-${process.pid}`
  const link = notify.s()
  const sent = await packageRequest.applyAsync([request], { taskId: `package-${request.id}-${process.pid}`, link })
  return { package: sent, mail: app.result(mailId) }
}

/** A worker that can be replaced by a new one of the same kind. */
class Replaceable implements AsyncDisposable {
  readonly #make: () => WorkerProcess
  current: WorkerProcess

  constructor(make: () => WorkerProcess) {
    this.#make = make
    this.current = make()
  }

  async replace(): Promise<void> {
    await this.current.kill('SIGKILL')
    this.current = this.#make()
    await this.current.ready()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.current[Symbol.asyncDispose]()
  }
}

/** Once several packages are under way, the worker dies as by a power cut, and another one takes its place. */
async function killInTheMiddle(packagers: Replaceable, board: Board): Promise<void> {
  while (new Set(readJournal().map(line => line.request)).size < 6) await new Promise(resolve => setTimeout(resolve, 20))
  const { pid } = packagers.current.child
  board.say(`Killing worker package (process ${pid}) with SIGKILL; starting another one …`)
  await packagers.replace()
}

/** Draws what the results say, as they say it. */
function watch(results: readonly Sent[], requests: readonly Request[], board: Board): { stop(): Promise<void> } {
  const stop = new AbortController()
  const byId = new Map(results.map((result, index) => [result.package.id as string, requests[index]?.id ?? '']))
  const mails = new Map(results.map((result, index) => [result.mail.id as string, requests[index]?.id ?? '']))
  const loop = async (): Promise<void> => {
    const backend = await app.backend()
    if (backend === undefined) return
    const ids = results.flatMap(result => [result.package.id, result.mail.id])
    for await (const meta of backend.watch(ids, stop.signal)) {
      const request = byId.get(meta.taskId)
      if (request !== undefined) board.show(request, word(meta.status), part(meta.status, meta.result))
      else if (meta.status === 'SUCCESS') board.show(mails.get(meta.taskId) ?? '', 'mailed', 1)
    }
  }
  const done = loop()
  return {
    stop: async () => {
      stop.abort()
      await done
    },
  }
}

function word(status: string): string {
  const words: Readonly<Record<string, string>> = {
    PROGRESS: 'packing',
    RETRY: 'trying again soon',
    SUCCESS: 'packed',
    FAILURE: 'impossible',
  }
  return words[status] ?? status.toLowerCase()
}

function part(status: string, result: unknown): number {
  if (status === 'SUCCESS' || status === 'FAILURE') return 1
  if (status !== 'PROGRESS' || typeof result !== 'object' || result === null) return 0
  const { current, total } = result as { readonly current: number; readonly total: number }
  return total > 0 ? Math.min(1, current / total) : 0
}

function delivered(delivery: Delivery): Ended {
  return { kind: 'delivered', delivery }
}

function failed(error: unknown): Ended {
  return { kind: 'failed', reason: error instanceof Error ? error.message : String(error) }
}

async function check(requests: readonly Request[], ended: readonly Ended[], mailbox: MailServer): Promise<string[]> {
  const faults: string[] = []
  for (const [index, request] of requests.entries()) {
    const end = ended[index]
    const possible = existing(request).size > 0
    if (end?.kind === 'delivered') {
      faults.push(...(await packageFaults(request, end.delivery)), ...mailFaults(request, end.delivery, mailbox.mails))
      if (!possible) faults.push(`${request.id}: delivered, though nothing of it exists`)
    } else if (possible) faults.push(`${request.id}: ${end?.reason}`)
  }
  const again = readJournal().filter(line => line.what === 'package')
  if (new Set(again.map(line => line.pid)).size < 2) faults.push('the killed worker was not replaced in time to see it')
  return faults
}

function report(requests: readonly Request[], ended: readonly Ended[], mailbox: MailServer): void {
  const journal = readJournal()
  console.log('\nrequest  package            resources  missing  mails  attempts')
  for (const [index, request] of requests.entries()) {
    const end = ended[index]
    const outcome = end?.kind === 'delivered' ? 'verified' : 'permanent error'
    const got = end?.kind === 'delivered' ? end.delivery.delivered.length : 0
    const mails = mailbox.mails.filter(mail => mail.to === request.email).length
    const attempts = journal.filter(line => line.what === 'package' && line.request === request.id).length
    const cells = [request.id.padEnd(9), outcome.padEnd(19), String(got).padEnd(11), String(request.resources.length - got).padEnd(9)]
    console.log(`${cells.join('')}${String(mails).padEnd(7)}${attempts}`)
    if (end?.kind === 'failed') console.log(`         because: ${end.reason}`)
  }
}

async function forgetLastRun(): Promise<void> {
  const old = ['lovage.db', 'lovage.db-wal', 'lovage.db-shm', 'lovage.db-wake', places.journal, places.packages]
  for (const path of old) if (existsSync(path)) await rm(path, { recursive: true })
}
