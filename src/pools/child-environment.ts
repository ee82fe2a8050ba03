/** Tells code that it is being loaded by a child of a pool; taken away when all is loaded. */
export const LOADING_VARIABLE = 'LOVAGE_POOL_CHILD'

/** A child's environment: its parent's, and the mark of a child. */
export function childEnvironment(
  own: Readonly<Record<string, string | undefined>>,
): Record<string, string | undefined> {
  return { ...own, [LOADING_VARIABLE]: '1' }
}

/** Options of Node that a child gets from its parent: all but those that concern one process only. */
export function childExecArgv(own: readonly string[]): readonly string[] {
  return own.filter(word => !/^--(inspect|debug|watch|test)/.test(word))
}
