import { LovageError } from '../../lib/errors.js'

/** Something inside a simulation touched the real world: the run would differ from the next one with the same seed. */
export class SimEscapeError extends LovageError {
  override readonly name = 'SimEscapeError'

  constructor(what: string) {
    super(
      'LVG_SIM_ESCAPE',
      `${what} was used inside a simulation, so the run cannot be repeated; take it from the Runtime (clock, random, log, host).`,
    )
  }
}

/** A run that failed. `cause` says how, `seed` repeats it, `trace` holds its last lines. */
export class SimFailure extends LovageError {
  override readonly name = 'SimFailure'
  readonly seed: string
  readonly trace: readonly string[]

  constructor(
    code: string,
    message: string,
    run: { readonly seed: string; readonly trace: readonly string[]; readonly cause?: unknown },
  ) {
    super(code, message, { cause: run.cause })
    this.seed = run.seed
    this.trace = run.trace
  }
}
