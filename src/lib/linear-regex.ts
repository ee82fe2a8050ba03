/*
 * Regular expressions that are matched in time proportional to pattern × text, for patterns that come from strangers: a
 * simulation of all ways at once instead of trying one after another. What needs backtracking (references to groups, looking
 * around) is refused.
 */

export interface LinearRegex {
  /** Whether the pattern matches from the beginning of the text, as Python's `re.match`. */
  matchesStart(text: string): boolean
}

const MAX_PATTERN = 1_000
/** Steps of the compiled pattern; repetitions multiply them. */
const MAX_STEPS = 10_000
const MAX_DEPTH = 100

type Accepts = (character: string) => boolean

type Step =
  | { readonly kind: 'char'; readonly accepts: Accepts }
  /** Both, from here. */
  | { readonly kind: 'split'; a: number; b: number }
  | { readonly kind: 'jump'; to: number }
  | { readonly kind: 'start' | 'end' | 'line-end' | 'boundary' | 'no-boundary' }
  | { readonly kind: 'match' }

/** What is wrong with a pattern. */
export class RegexProblem extends Error {}

/** Throws `RegexProblem`. */
export function linearRegex(pattern: string): LinearRegex {
  const steps = new Compiler(pattern).compile()
  return { matchesStart: text => matchesStart(steps, [...text]) }
}

function matchesStart(steps: readonly Step[], text: readonly string[]): boolean {
  let current = new Set<number>()
  if (follow(steps, 0, text, 0, current)) return true
  for (let at = 0; at < text.length && current.size > 0; at++) {
    const next = new Set<number>()
    for (const index of current) {
      const step = steps[index] as Step
      if (step.kind !== 'char' || !step.accepts(text[at] as string)) continue
      if (follow(steps, index + 1, text, at + 1, next)) return true
    }
    current = next
  }
  return false
}

/** Adds what can be reached without a character; true when that is the end of the pattern. */
function follow(steps: readonly Step[], from: number, text: readonly string[], at: number, into: Set<number>): boolean {
  const open = [from]
  const seen = new Set<number>()
  for (let index = open.pop(); index !== undefined; index = open.pop()) {
    if (seen.has(index)) continue
    seen.add(index)
    const step = steps[index] as Step
    switch (step.kind) {
      case 'match':
        return true
      case 'char':
        into.add(index)
        break
      case 'jump':
        open.push(step.to)
        break
      case 'split':
        open.push(step.a, step.b)
        break
      default:
        if (holds(step.kind, text, at)) open.push(index + 1)
    }
  }
  return false
}

function holds(
  kind: 'start' | 'end' | 'line-end' | 'boundary' | 'no-boundary',
  text: readonly string[],
  at: number,
): boolean {
  switch (kind) {
    case 'start':
      return at === 0
    case 'end':
      return at === text.length
    // Python's `$`: at the end, or before a line end that is the last character.
    case 'line-end':
      return at === text.length || (at === text.length - 1 && text[at] === '\n')
    case 'boundary':
      return isWord(text[at - 1]) !== isWord(text[at])
    case 'no-boundary':
      return isWord(text[at - 1]) === isWord(text[at])
    default:
      return kind satisfies never
  }
}

function isWord(character: string | undefined): boolean {
  return character !== undefined && /[\p{L}\p{N}_]/u.test(character)
}

const CLASSES: ReadonlyMap<string, Accepts> = new Map<string, Accepts>([
  ['d', character => /\p{Nd}/u.test(character)],
  ['D', character => !/\p{Nd}/u.test(character)],
  ['w', isWord],
  ['W', character => !isWord(character)],
  ['s', character => /\s/u.test(character)],
  ['S', character => !/\s/u.test(character)],
])

const CONTROLS: ReadonlyMap<string, string> = new Map([
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['f', '\f'],
  ['v', '\v'],
  ['a', '\x07'],
])

class Compiler {
  readonly #pattern: readonly string[]
  readonly #steps: Step[] = []
  #at = 0
  #depth = 0

  constructor(pattern: string) {
    if (pattern.length > MAX_PATTERN) throw new RegexProblem(`it is longer than ${MAX_PATTERN} characters`)
    this.#pattern = [...pattern]
  }

  compile(): readonly Step[] {
    this.#alternatives()
    if (this.#at < this.#pattern.length) throw new RegexProblem('unbalanced parenthesis')
    this.#add({ kind: 'match' })
    return this.#steps
  }

  #alternatives(): void {
    const begin = this.#steps.length
    this.#sequence()
    if (this.#peek() !== '|') return
    this.#at++
    this.#insert(begin, { kind: 'split', a: begin + 1, b: 0 })
    const jump = this.#add({ kind: 'jump', to: 0 })
    this.#patch(begin, { kind: 'split', a: begin + 1, b: this.#steps.length })
    this.#alternatives()
    this.#patch(jump, { kind: 'jump', to: this.#steps.length })
  }

  #sequence(): void {
    for (let next = this.#peek(); next !== undefined && next !== '|' && next !== ')'; next = this.#peek()) {
      const begin = this.#steps.length
      this.#atom()
      this.#repeat(begin)
    }
  }

  #atom(): void {
    const character = this.#take()
    switch (character) {
      case '(':
        this.#group()
        break
      case '[':
        this.#add({ kind: 'char', accepts: this.#set() })
        break
      case '.':
        this.#add({ kind: 'char', accepts: each => each !== '\n' })
        break
      case '^':
        this.#add({ kind: 'start' })
        break
      case '$':
        this.#add({ kind: 'line-end' })
        break
      case '\\':
        this.#escape()
        break
      case '*':
      case '+':
      case '?':
        throw new RegexProblem('nothing to repeat')
      default:
        this.#add({ kind: 'char', accepts: each => each === character })
    }
  }

  #group(): void {
    if (++this.#depth > MAX_DEPTH) throw new RegexProblem('its groups are nested too deeply')
    if (this.#peek() === '?') {
      this.#at++
      this.#groupKind()
    }
    this.#alternatives()
    if (this.#take() !== ')') throw new RegexProblem('missing ), unterminated subpattern')
    this.#depth--
  }

  /** `(?:…)` and `(?P<name>…)`. */
  #groupKind(): void {
    const kind = this.#take()
    if (kind === ':') return
    if (kind !== 'P' || this.#take() !== '<')
      throw new RegexProblem('it looks around, or uses flags, which is not possible here')
    for (let next = this.#take(); next !== '>'; next = this.#take()) {
      if (next === undefined || !isWord(next)) throw new RegexProblem('bad character in group name')
    }
  }

  #escape(): void {
    const letter = this.#take()
    if (letter === undefined) throw new RegexProblem('bad escape (end of pattern)')
    const places = { A: 'start', Z: 'end', b: 'boundary', B: 'no-boundary' } as const
    if (Object.hasOwn(places, letter)) this.#add({ kind: places[letter as keyof typeof places] })
    else if (/[1-9]/.test(letter)) throw new RegexProblem('references to groups are not possible here')
    else this.#add({ kind: 'char', accepts: this.#escaped(letter) })
  }

  #escaped(letter: string): Accepts {
    const known = CLASSES.get(letter)
    if (known !== undefined) return known
    const character = this.#character(letter)
    return each => each === character
  }

  #character(letter: string): string {
    if (letter === 'x' || letter === 'u') return this.#coded(letter === 'x' ? 2 : 4)
    const control = CONTROLS.get(letter)
    if (control !== undefined) return control
    if (/[A-Za-z]/.test(letter)) throw new RegexProblem(`bad escape \\${letter}`)
    return letter === '0' ? '\0' : letter
  }

  #coded(digits: number): string {
    const code = Array.from({ length: digits }, () => this.#take() ?? '').join('')
    if (!/^[0-9a-f]+$/i.test(code) || code.length !== digits) throw new RegexProblem('incomplete escape')
    return String.fromCharCode(Number.parseInt(code, 16))
  }

  #set(): Accepts {
    const negated = this.#peek() === '^'
    if (negated) this.#at++
    const parts: Accepts[] = []
    for (let first = true; first || this.#peek() !== ']'; first = false) parts.push(this.#member())
    this.#at++
    return character => parts.some(accepts => accepts(character)) !== negated
  }

  #member(): Accepts {
    const low = this.#setCharacter()
    if (typeof low !== 'string') return low
    if (this.#peek() !== '-' || this.#pattern[this.#at + 1] === ']') return each => each === low
    this.#at++
    const high = this.#setCharacter()
    if (typeof high !== 'string' || order(low) > order(high)) throw new RegexProblem('bad character range')
    return each => order(each) >= order(low) && order(each) <= order(high)
  }

  #setCharacter(): string | Accepts {
    const character = this.#take()
    if (character === undefined) throw new RegexProblem('unterminated character set')
    if (character !== '\\') return character
    const letter = this.#take()
    if (letter === undefined) throw new RegexProblem('bad escape (end of pattern)')
    return CLASSES.get(letter) ?? (letter === 'b' ? '\b' : this.#character(letter))
  }

  #repeat(begin: number): void {
    const times = this.#times()
    if (times === undefined) return
    // Lazy or greedy: whether it matches is the same.
    if (this.#peek() === '?') this.#at++
    const { least, most } = times
    if (['*', '+', '?'].includes(this.#peek() ?? '') || this.#isCounted()) throw new RegexProblem('multiple repeat')
    const unit = this.#steps.splice(begin)
    const paste = (): number => {
      const at = this.#steps.length
      for (const step of unit) this.#add(moved(step, at - begin))
      return at
    }
    for (let i = 0; i < least; i++) paste()
    if (most === undefined) {
      const split = this.#add({ kind: 'split', a: this.#steps.length + 1, b: 0 })
      paste()
      this.#add({ kind: 'jump', to: split })
      this.#patch(split, { kind: 'split', a: split + 1, b: this.#steps.length })
      return
    }
    const splits: number[] = []
    for (let i = least; i < most; i++) {
      splits.push(this.#add({ kind: 'split', a: this.#steps.length + 1, b: 0 }))
      paste()
    }
    for (const split of splits) this.#patch(split, { kind: 'split', a: split + 1, b: this.#steps.length })
  }

  #times(): { readonly least: number; readonly most: number | undefined } | undefined {
    switch (this.#peek()) {
      case '*':
        this.#at++
        return { least: 0, most: undefined }
      case '+':
        this.#at++
        return { least: 1, most: undefined }
      case '?':
        this.#at++
        return { least: 0, most: 1 }
      case '{':
        return this.#count()
      default:
        return undefined
    }
  }

  #isCounted(): boolean {
    return this.#counted() !== undefined
  }

  /** `{2}`, `{2,}`, `{,3}`, `{2,3}`; any other brace stands for itself. */
  #counted(): RegExpExecArray | undefined {
    if (this.#peek() !== '{') return undefined
    const rest = this.#pattern.slice(this.#at, this.#at + 16).join('')
    const found = /^\{(\d*)(,?)(\d*)\}/.exec(rest)
    return found === null || (found[1] === '' && found[3] === '') ? undefined : found
  }

  #count(): { readonly least: number; readonly most: number | undefined } | undefined {
    const found = this.#counted()
    if (found === undefined) return undefined
    this.#at += found[0].length
    const least = Number(found[1])
    const most = found[2] === '' ? least : found[3] === '' ? undefined : Number(found[3])
    if (most !== undefined && most < least) throw new RegexProblem('min repeat greater than max repeat')
    if (Math.max(least, most ?? 0) > MAX_STEPS) throw new RegexProblem('it repeats too often')
    return { least, most }
  }

  #insert(at: number, step: Step): void {
    const after = this.#steps.splice(at)
    this.#add(step)
    for (const each of after) this.#add(moved(each, 1))
  }

  #patch(at: number, step: Step): void {
    this.#steps[at] = step
  }

  #add(step: Step): number {
    if (this.#steps.length >= MAX_STEPS) throw new RegexProblem('it is too large')
    return this.#steps.push(step) - 1
  }

  #peek(): string | undefined {
    return this.#pattern[this.#at]
  }

  #take(): string | undefined {
    return this.#pattern[this.#at++]
  }
}

function moved(step: Step, by: number): Step {
  if (step.kind === 'split') return { kind: 'split', a: step.a + by, b: step.b + by }
  return step.kind === 'jump' ? { kind: 'jump', to: step.to + by } : step
}

function order(character: string): number {
  return character.codePointAt(0) ?? 0
}
