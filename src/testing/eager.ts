import type { App } from '../app/app.js'

export interface EagerOptions {
  /** Throw a task's error at the caller of `delay`. Default: the app's `taskEagerPropagates`. */
  readonly propagates?: boolean
}

/** Until it is ended, or disposed, the app runs tasks in the caller. */
export interface EagerMode extends AsyncDisposable {
  end(): Promise<void>
}

/**
 * Lets an app run its tasks at once in the caller instead of publishing them (`taskAlwaysEager`), until the test is over.
 *
 * @throws ConfigError `LVG_APP_IN_TEST` when the app is in another test.
 */
export function eager(app: App, options: EagerOptions = {}): EagerMode {
  const { propagates } = options
  const settings = { taskAlwaysEager: true, ...(propagates === undefined ? {} : { taskEagerPropagates: propagates }) }
  const substituted = app.substitute({ settings })
  const end = async (): Promise<void> => await substituted[Symbol.asyncDispose]()
  return { end, [Symbol.asyncDispose]: end }
}
