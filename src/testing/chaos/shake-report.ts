import type { Verdict } from './judge.js'
import type { ShakeReport, Times } from './shake.js'

/** Most faults that are printed one by one. */
const SHOWN = 20

/** For a person. */
export function printShakeReport(report: ShakeReport): string {
  const { options, verdict, kills, seconds, recovery, resumption, longestGap, peakMemory, complaints } = report
  const { faults, lost } = verdict
  const rows: readonly (readonly [string, string])[] = [
    ['kills (SIGKILL)', String(kills)],
    ['accepted', String(verdict.accepted)],
    ['executed', `${verdict.executed} tasks in ${verdict.executions} executions`],
    ['lost', String(lost.length)],
    ...ackRows(options.acks, verdict),
    ['stale acks', String(verdict.staleAcks)],
    ['dead letters', String(verdict.deadLetters)],
    ['recovery', times(recovery)],
    ...[...resumption].map(([name, each]) => [name, `${each.count} ×, consuming again after ${times(each)}`] as const),
    ['longest gap', ms(longestGap)],
    ['peak memory', peakMemory === 0 ? 'unknown' : `${(peakMemory / 2 ** 20).toFixed(0)} MiB of one worker`],
    ['time', `${seconds.toFixed(1)} s`],
  ]
  return [
    `${options.tasks} tasks, ${options.acks} acks, ${options.workers} workers, seed ${options.seed}`,
    ...rows.map(([name, value]) => `  ${name.padEnd(17)} ${value}`),
    ...[...complaints].slice(0, SHOWN).map(([text, count]) => `  log ${String(count).padStart(5)} × ${text}`),
    ...faults.slice(0, SHOWN).map(fault => `  FAULT ${fault}`),
    ...(faults.length > SHOWN ? [`  … and ${faults.length - SHOWN} faults more`] : []),
    ...lost
      .slice(0, SHOWN)
      .flatMap(({ id, kind, status, lines }) => [
        `  LOST ${id} (${kind}, ${status})`,
        ...lines.map(line => `    ${line}`),
      ]),
    faults.length === 0 ? 'Every promise was kept.' : `${faults.length} FAULTS`,
  ].join('\n')
}

function ackRows(acks: 'late' | 'early', verdict: Verdict): readonly (readonly [string, string])[] {
  const { extra, inFlight, unended, diedWithWorker, diedBetween } = verdict
  if (acks === 'late') {
    return [
      ['extra executions', `${extra} (in flight at kills and breaks: ${inFlight}, killed while running: ${unended})`],
    ]
  }
  return [
    ['extra executions', String(extra)],
    ['died with worker', `${diedWithWorker} after their start, ${diedBetween} between ack and start`],
  ]
}

/** For a program. */
export function shakeReportAsJson(report: ShakeReport): string {
  const { complaints, resumption } = report
  return JSON.stringify({
    ...report,
    complaints: Object.fromEntries(complaints),
    resumption: Object.fromEntries(resumption),
  })
}

function times({ median, longest }: Times): string {
  return `${ms(median)} median, ${ms(longest)} longest`
}

function ms(value: number): string {
  return `${Math.round(value)} ms`
}
