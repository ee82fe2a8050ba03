import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import type { EpochMs, Ms } from '../../src/lib/time.js'
import { PYTHON } from '../support/python/python.js'
import { repositoryRoot } from '../support/repository.js'

export type Moment = readonly [last: EpochMs, now: EpochMs]

export interface CrontabQuestion {
  readonly ask: 'crontab'
  readonly zone: string
  /** In the order of Celery's constructor: minute, hour, day of week, day of month, month. */
  readonly fields: readonly (string | number | readonly number[])[]
  readonly moments: readonly Moment[]
}

export interface IntervalQuestion {
  readonly ask: 'interval'
  readonly zone: string
  readonly every: Ms
  readonly relative: boolean
  readonly moments: readonly Moment[]
}

/** `next`: the run after `last`. `due`, `wait`: what `is_due` says at `now`. `beyond`: the first run after `last`, where `next` is not. */
export type DueAnswer = readonly [next: EpochMs, due: boolean, wait: Ms, beyond?: EpochMs]

export interface FieldQuestion {
  readonly ask: 'field'
  readonly text: string
  readonly max: number
  readonly min: number
}

export interface OffsetsQuestion {
  readonly ask: 'offsets'
  readonly zone: string
  readonly instants: readonly EpochMs[]
}

export interface SunQuestion {
  readonly ask: 'sun'
  readonly event: string
  readonly latitude: number
  readonly longitude: number
  readonly after: EpochMs
  readonly count: number
}

interface Answers {
  readonly crontab: readonly DueAnswer[]
  readonly interval: readonly DueAnswer[]
  /** The numbers, or why there are none. */
  readonly field: readonly number[] | string
  readonly offsets: readonly Ms[]
  readonly sun: readonly EpochMs[]
}

type Question = CrontabQuestion | IntervalQuestion | FieldQuestion | OffsetsQuestion | SunQuestion

const PROGRAM = join(repositoryRoot(), 'test', 'schedules', 'python', 'dues.py')

/** What Python's Celery answers (dues.py), one answer for each question. */
export function askCelery<Q extends Question>(questions: readonly Q[]): readonly Answers[Q['ask']][] {
  const { status, stdout, stderr } = spawnSync(PYTHON, [PROGRAM], {
    input: JSON.stringify(questions),
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    timeout: 300_000,
  })
  if (status !== 0) throw new Error(`dues.py ended with ${status}: ${stderr.slice(-4000)}`)
  return JSON.parse(stdout) as readonly Answers[Q['ask']][]
}
