import { rm } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { type AsyncResult, once, setOptions } from 'lovage'
import { describeSchedule, openSchedule, startBeat } from 'lovage/beat'
import { Board } from './board.ts'
import { generate } from './contents.ts'
import { readJournal } from './journal.ts'
import { MailServer } from './mail-server.ts'
import { places } from './places.ts'
import { localFiles, makeRequests, remoteFiles } from './requests.ts'
import { ResourceServer } from './resource-server.ts'
import { type Ended, printTable } from './table.ts'
import { app, cleanup, type Delivery, notify, packageRequest, type Request } from './tasks.ts'
import { existing, mailFaults, packageFaults } from './verify.ts'
import { Watch, type Watched } from './watch.ts'
import { WorkerProcess } from './workers.ts'

/** Longest wait for one result, in seconds. */
const PATIENCE = 45

/** Mails the mail server turns away before it takes the first one. */
const REFUSALS = 3

/** Twelve requests through two worker processes, one of which is killed in the middle. Resolves to what went wrong. */
export async function runDesk(): Promise<readonly string[]> {
  await forgetLastRun()
  await generate(localFiles)
  await using resources = new ResourceServer(remoteFiles)
  await using mailbox = new MailServer(REFUSALS)
  const server = await resources.start()
  const environment = { DESK_SMTP_PORT: String(await mailbox.start()) }

  console.log('Starting two workers, one for queue package, one for queue notify …')
  await using packager = new WorkerProcess('package', environment)
  await using notifier = new WorkerProcess('notify', environment)
  await Promise.all([packager.ready(), notifier.ready()])

  const requests = makeRequests(server)
  const board = new Board(requests)
  board.say(`Sending ${requests.length} requests …`)
  const sent = await Promise.all(requests.map(send))
  const watch = new Watch(sent, board)
  await using _replacement = await replaceInTheMiddle(packager, environment, board)
  const ended = new Map(await Promise.all(sent.map(outcome)))
  await watch.stop()

  const faults = await check(requests, ended, mailbox)
  console.log(`\n${printTable(requests, ended, mailbox.mails, readJournal())}`)
  const removed = await cleanUpBySchedule()
  console.log(`\nThe scheduled clean-up removed ${removed.length} packages.`)
  if (removed.length !== delivered(ended)) faults.push('the clean-up left packages behind')
  await app[Symbol.asyncDispose]()
  return faults
}

/** The beat that sends the clean-up every hour runs here for once; a run that is due at once is added while it works. */
async function cleanUpBySchedule(): Promise<readonly string[]> {
  await using _beat = await startBeat(app)
  await using schedule = await openSchedule(app)
  const name = `clean-up after run ${process.pid}`
  await schedule.add(name, { task: cleanup.name, schedule: once(Date.now() + 500), args: [0] })
  console.log('\nThe schedule:')
  for (const { entry, next } of (await schedule.list()).entries) {
    console.log(`  ${entry.name}: ${describeSchedule(entry.schedule)}, next ${new Date(next ?? 0).toISOString()}`)
  }
  const deadline = Date.now() + PATIENCE * 1000
  for (;;) {
    const id = (await schedule.show(name)).state?.lastId
    if (id !== undefined) return await app.result<readonly string[]>(id).get({ timeout: PATIENCE })
    if (Date.now() > deadline) throw new Error('the clean-up was not sent when it was due')
    await pause(50)
  }
}

interface Sent extends Watched {
  readonly package: AsyncResult<Delivery>
  readonly mail: AsyncResult<string>
}

/** The mail follows by itself: its signature travels with the package's message, and is sent with the package's result. */
async function send(request: Request): Promise<Sent> {
  const mailId = `mail-${request.id}-${process.pid}`
  const link = setOptions(notify.s(), { taskId: mailId })
  const sent = await packageRequest.applyAsync([request], { taskId: `package-${request.id}-${process.pid}`, link })
  return { request: request.id, package: sent, mail: app.result(mailId) }
}

/** Once several packages are under way their worker dies, as by a power cut, and another one takes its place. */
async function replaceInTheMiddle(
  worker: WorkerProcess,
  environment: Readonly<Record<string, string>>,
  board: Board,
): Promise<WorkerProcess> {
  while (new Set(readJournal().map(line => line.request)).size < 6) await pause(20)
  board.say(`Killing worker ${worker.queue} (process ${worker.pid}) with SIGKILL; starting another one …`)
  await worker.kill()
  const replacement = new WorkerProcess(worker.queue, environment)
  await replacement.ready()
  return replacement
}

/** A delivered package is followed by its mail; a request that failed has none. */
async function outcome(sent: Sent): Promise<[string, Ended]> {
  try {
    const delivery = await sent.package.get({ timeout: PATIENCE })
    await sent.mail.get({ timeout: PATIENCE })
    return [sent.request, { kind: 'delivered', delivery }]
  } catch (error) {
    return [sent.request, { kind: 'failed', reason: error instanceof Error ? error.message : String(error) }]
  }
}

async function check(
  requests: readonly Request[],
  ended: ReadonlyMap<string, Ended>,
  mailbox: MailServer,
): Promise<string[]> {
  const faults: string[] = []
  for (const request of requests) {
    const end = ended.get(request.id)
    const possible = existing(request).size > 0
    if (end?.kind === 'delivered') {
      faults.push(...(await packageFaults(request, end.delivery)), ...mailFaults(request, end.delivery, mailbox.mails))
      if (!possible) faults.push(`${request.id}: delivered, though nothing of it exists`)
    } else if (possible) faults.push(`${request.id}: ${end?.reason}`)
  }
  const packagers = readJournal().filter(line => line.what === 'package')
  if (new Set(packagers.map(line => line.pid)).size !== 2) faults.push('not exactly two workers have packed')
  return faults
}

function delivered(ended: ReadonlyMap<string, Ended>): number {
  return [...ended.values()].filter(end => end.kind === 'delivered').length
}

async function forgetLastRun(): Promise<void> {
  const database = ['lovage.db', 'lovage.db-wal', 'lovage.db-shm', 'lovage.db-wake', 'lovage.db-wake-results']
  const logs = ['package.log', 'notify.log']
  for (const path of [...database, ...logs, places.journal, places.packages]) {
    await rm(path, { recursive: true, force: true })
  }
}
