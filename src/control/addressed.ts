import { globMatches } from '../lib/glob.js'
import { linearRegex, RegexProblem } from '../lib/linear-regex.js'
import type { NodeName } from '../protocol/ids.js'
import type { ControlRequest } from '../protocol/pidbox.js'

export type Addressed =
  | { readonly kind: 'yes' | 'no' }
  /** Nobody can say whom it means. */
  | { readonly kind: 'unclear'; readonly problem: string }

/**
 * Is a request for this node? By name when it names any, else by pattern when it has one, else for everybody. Matching takes
 * time linear in pattern × name (S78). Source: kombu/pidbox.py `Node.handle_message`, kombu/matcher.py.
 */
export function addressed(
  node: NodeName,
  request: Pick<ControlRequest, 'destination' | 'pattern' | 'matcher'>,
): Addressed {
  const { destination, pattern, matcher } = request
  if (destination !== undefined) return answer(destination.includes(node))
  if (pattern === undefined || matcher === undefined) return answer(true)
  if (pattern.length > MAX_PATTERN)
    return { kind: 'unclear', problem: `its pattern is longer than ${MAX_PATTERN} characters` }
  switch (matcher) {
    case 'glob':
      return answer(globMatches(pattern, node))
    case 'pcre':
      return byExpression(pattern, node)
    default:
      return { kind: 'unclear', problem: `there is no matcher '${matcher.slice(0, 64)}'; known: glob, pcre` }
  }
}

const MAX_PATTERN = 1_000

function byExpression(pattern: string, node: NodeName): Addressed {
  try {
    return answer(linearRegex(pattern).matchesStart(node))
  } catch (error) {
    if (!(error instanceof RegexProblem)) throw error
    return { kind: 'unclear', problem: `its pattern cannot be used: ${error.message}` }
  }
}

function answer(yes: boolean): Addressed {
  return { kind: yes ? 'yes' : 'no' }
}
