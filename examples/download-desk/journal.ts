import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { places } from './places.ts'

export interface JournalLine {
  readonly what: 'package' | 'notify' | 'cleanup'
  readonly request: string
  readonly retries: number
  readonly pid: number
}

/** Written before an attempt does anything; O_APPEND keeps lines of several processes apart. */
export function writeJournal(line: Omit<JournalLine, 'pid'>): void {
  appendFileSync(places.journal, `${JSON.stringify({ ...line, pid: process.pid })}\n`)
}

export function readJournal(): readonly JournalLine[] {
  if (!existsSync(places.journal)) return []
  const lines = readFileSync(places.journal, 'utf8').split('\n')
  return lines.filter(line => line !== '').map(line => JSON.parse(line) as JournalLine)
}
