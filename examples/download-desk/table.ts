import type { JournalLine } from './journal.ts'
import type { Mail } from './mail-server.ts'
import type { Delivery, Request } from './tasks.ts'

/** What became of a request: its package, or why there is none. */
export type Ended =
  | { readonly kind: 'delivered'; readonly delivery: Delivery }
  | { readonly kind: 'failed'; readonly reason: string }

const HEAD = ['request', 'package', 'resources', 'missing', 'mails', 'attempts']
const WIDTHS = [9, 17, 11, 9, 7, 8]

/** One line a request, and one for each thing that is missing. */
export function printTable(
  requests: readonly Request[],
  ended: ReadonlyMap<string, Ended>,
  mails: readonly Mail[],
  journal: readonly JournalLine[],
): string {
  return [HEAD, ...requests.map(request => row(request, ended.get(request.id), mails, journal))]
    .map((cells, index) => [line(cells), ...reasons(ended.get(requests[index - 1]?.id ?? ''))].join('\n'))
    .join('\n')
}

function row(
  { id, email, resources }: Request,
  end: Ended | undefined,
  mails: readonly Mail[],
  journal: readonly JournalLine[],
): readonly string[] {
  const got = end?.kind === 'delivered' ? end.delivery.delivered.length : 0
  const received = mails.filter(mail => mail.to === email).length
  const attempts = journal.filter(({ what, request }) => what === 'package' && request === id).length
  const outcome = end?.kind === 'delivered' ? 'delivered' : 'permanent error'
  return [id, outcome, String(got), String(resources.length - got), String(received), String(attempts)]
}

function reasons(end: Ended | undefined): readonly string[] {
  if (end === undefined) return []
  if (end.kind === 'failed') return [`         ${end.reason}`]
  return end.delivery.missing.map(({ reason }) => `         missing: ${reason}`)
}

function line(cells: readonly string[]): string {
  return cells
    .map((cell, column) => cell.padEnd(WIDTHS[column] ?? 0))
    .join('')
    .trimEnd()
}
