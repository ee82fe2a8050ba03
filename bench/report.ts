import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { BENCH } from './peers/install.js'
import type { Aim, FigureResult, RowResult } from './row.js'

/** One run of the benchmarks, as it is written to `bench/results/`. */
export interface Report {
  /** Of HEAD; `+` when files of the product or the benchmarks differed from it. */
  readonly commit: string
  /** ISO 8601, UTC. */
  readonly at: string
  readonly node: string
  readonly cpu: string
  readonly cpus: number
  /** One-minute load of the machine before the first row. */
  readonly load: number
  readonly rounds: number
  readonly results: readonly RowResult[]
  readonly skipped: readonly string[]
}

export function surroundings(rounds: number): Omit<Report, 'results' | 'skipped'> {
  return {
    commit: commit(),
    at: new Date().toISOString(),
    node: process.version,
    cpu: cpus()[0]?.model ?? 'unknown',
    cpus: cpus().length,
    load: loadavg()[0] ?? 0,
    rounds,
  }
}

/** Returns the path. */
export function writeReport(report: Report): string {
  const folder = join(BENCH, 'results')
  mkdirSync(folder, { recursive: true })
  const path = join(folder, `${report.at.slice(0, 10)}-${report.commit}.json`)
  writeFileSync(path, `${JSON.stringify(report, null, 2)}\n`)
  return path
}

export function printRow({ name, title, figures, noisy, tries }: RowResult): string {
  const again = tries > 1 ? ` (measured ${tries} times, for noise${noisy ? ', which stayed' : ''})` : ''
  return `${name}: ${title}${again}\n${figures.map(printFigure).join('\n')}\n`
}

function printFigure({ name, unit, ours, theirs, ratio, ratios, aim, reached }: FigureResult): string {
  const low = (ratios[0] ?? 0).toFixed(2)
  const high = (ratios.at(-1) ?? 0).toFixed(2)
  const verdict = aim === undefined ? '' : `; ${aimText(aim, unit)}: ${reached ? 'reached' : 'NOT REACHED'}`
  const side = (of: string, median: number): string => `${of} ${amount(median)} ${unit}`
  return `  ${name.padEnd(6)} ${side(ours.name, ours.median)} · ${side(theirs.name, theirs.median)} · ratio ${ratio.toFixed(2)} (${low} to ${high})${verdict}`
}

function amount(value: number): string {
  return value >= 1000 ? Math.round(value).toLocaleString('en') : value.toPrecision(3)
}

function aimText(aim: Aim, unit: string): string {
  switch (aim.kind) {
    case 'ratio-at-least':
      return `aim ≥ ${aim.value}`
    case 'ratio-at-most':
      return `aim ≤ ${aim.value}`
    case 'at-most':
      return `aim ≤ ${aim.value} ${unit}`
    case 'at-least':
      return `aim ≥ ${aim.value} ${unit}`
    default:
      return aim satisfies never
  }
}

function commit(): string {
  const git = (...args: string[]): string => execFileSync('git', args, { cwd: BENCH, encoding: 'utf8' }).trim()
  const changed = git('status', '--porcelain', '--', '../src', '../bench/*.ts', '../bench/**/*.ts')
  return `${git('rev-parse', '--short', 'HEAD')}${changed === '' ? '' : '+'}`
}
