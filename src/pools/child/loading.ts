import { LOADING_VARIABLE } from '../child-environment.js'

/** Is this a child of a pool that loads the user's modules? They are not to start workers there. */
export function isLoading(): boolean {
  return process.env[LOADING_VARIABLE] !== undefined
}

/** What is run from now on may do what it likes. */
export function endLoading(): void {
  delete process.env[LOADING_VARIABLE]
}
