import { LovageError } from '../lib/errors.js'

export type ScheduleErrorCode = 'LVG_BAD_SCHEDULE' | 'LVG_UNKNOWN_ZONE'

/** A schedule that cannot be kept. The message begins with the offending member, for example `crontab.minute`. */
export class ScheduleError extends LovageError {
  override readonly name = 'ScheduleError'
  readonly path: string

  constructor(
    path: string,
    problem: string,
    options: { readonly code?: ScheduleErrorCode; readonly cause?: unknown } = {},
  ) {
    super(options.code ?? 'LVG_BAD_SCHEDULE', `${path}: ${problem}`, options)
    this.path = path
  }
}
