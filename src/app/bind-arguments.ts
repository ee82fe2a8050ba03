import type { Kwargs } from '../protocol/signature.js'

/**
 * The handler's positional arguments. Without `params`, non-empty keyword arguments arrive as one last object. With
 * `params` they are bound by name, with Python's errors for unknown, missing and double ones: a Python caller sees what
 * it would see from a Python worker. Trailing parameters may be left out when the handler has defaults for them
 * (`required` = the handler's own `length`).
 */
export function bindArguments(
  name: string,
  args: readonly unknown[],
  kwargs: Kwargs,
  params: readonly string[] | undefined,
  required: number,
): readonly unknown[] {
  const names = Object.keys(kwargs)
  if (params === undefined) return names.length === 0 ? args : [...args, kwargs]
  if (args.length > params.length) throw new TypeError(tooMany(name, params.length, args.length))
  const bound: unknown[] = [...args]
  for (const given of names) {
    const position = params.indexOf(given)
    if (position < 0) throw new TypeError(`${name}() got an unexpected keyword argument '${given}'`)
    if (position < args.length) throw new TypeError(`${name}() got multiple values for argument '${given}'`)
    bound[position] = kwargs[given]
  }
  const missing = params.slice(0, Math.min(required, params.length)).filter((_, position) => !(position in bound))
  if (missing.length > 0) throw new TypeError(missingText(name, missing))
  return bound
}

function tooMany(name: string, takes: number, given: number): string {
  return `${name}() takes ${takes} positional argument${takes === 1 ? '' : 's'} but ${given} ${given === 1 ? 'was' : 'were'} given`
}

function missingText(name: string, missing: readonly string[]): string {
  const quoted = missing.map(param => `'${param}'`)
  const list = quoted.length < 2 ? quoted.join('') : `${quoted.slice(0, -1).join(', ')} and ${quoted.at(-1)}`
  return `${name}() missing ${missing.length} required positional argument${missing.length === 1 ? '' : 's'}: ${list}`
}
