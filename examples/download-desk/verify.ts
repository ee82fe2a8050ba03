import { buffer } from 'node:stream/consumers'
import { openPromise } from 'yauzl'
import { contents, digest } from './contents.ts'
import type { Mail } from './mail-server.ts'
import { localFiles, remoteFiles } from './requests.ts'
import type { Delivery, Request } from './tasks.ts'

/** What is wrong with a package; empty = nothing: it holds exactly what exists of the request, byte for byte. */
export async function packageFaults(request: Request, delivery: Delivery): Promise<readonly string[]> {
  const found = await readZip(delivery.file)
  const wanted = existing(request)
  const faults: string[] = []
  for (const [name, size] of wanted) {
    const sum = found.get(name)
    if (sum === undefined) faults.push(`${request.id}: ${name} is not in the package`)
    else if (sum !== digest(contents(name, size))) faults.push(`${request.id}: ${name} has other contents`)
  }
  for (const name of found.keys()) if (!wanted.has(name)) faults.push(`${request.id}: ${name} was not asked for`)
  const gone = request.resources.length - wanted.size
  if (delivery.missing.length !== gone)
    faults.push(`${request.id}: ${gone} resources are missing, ${delivery.missing.length} are reported`)
  return faults
}

/** What is wrong with the mails of a delivered request: each gets one mail that names its file and what is missing. */
export function mailFaults(request: Request, delivery: Delivery, mails: readonly Mail[]): readonly string[] {
  const mine = mails.filter(mail => mail.to === request.email)
  const ids = new Set(mine.map(mail => mail.messageId))
  if (mine.length === 0) return [`${request.id}: no mail`]
  if (ids.size !== 1) return [`${request.id}: ${ids.size} different mails`]
  const body = mine[0]?.body.replace(/=\r?\n/g, '') ?? ''
  const missing = delivery.missing.filter(({ resource }) => !body.includes(resource))
  const faults = missing.map(({ resource }) => `${request.id}: the mail does not name ${resource}`)
  return body.includes(`${request.id}.zip`) ? faults : [...faults, `${request.id}: the mail does not name its package`]
}

/** The resources of a request that exist, by name and size. */
export function existing(request: Request): ReadonlyMap<string, number> {
  const found = new Map<string, number>()
  for (const address of request.resources) {
    const name = address.startsWith('file:') ? address.slice('file:'.length) : new URL(address).pathname.slice(1)
    const size = (address.startsWith('file:') ? localFiles : remoteFiles).get(name)
    if (size !== undefined) found.set(name, size)
  }
  return found
}

/** Entry name → digest of its bytes. */
async function readZip(path: string): Promise<ReadonlyMap<string, string>> {
  const zip = await openPromise(path)
  const found = new Map<string, string>()
  for await (const entry of zip.eachEntry()) {
    found.set(entry.fileName, digest(await buffer(await zip.openReadStreamPromise(entry))))
  }
  return found
}
