const IDENTIFIER = /^[\p{L}_$][\p{L}\p{N}_$]{0,63}$/u

const MAX_STEPS = 16

/** Where in a value a walk is, for error messages: `args[2].user.born`, `kwargs["odd key"]`. */
export class ValuePath {
  readonly #names: readonly string[] | undefined
  readonly #steps: (string | number)[] = []

  /** `names`: what the elements of the outermost array are called. */
  constructor(names?: readonly string[]) {
    this.#names = names
  }

  push(step: string | number): void {
    this.#steps.push(step)
  }

  pop(): void {
    this.#steps.pop()
  }

  /** The last step as text; empty at the top. */
  get key(): string {
    return String(this.#steps.at(-1) ?? '')
  }

  toString(): string {
    const [first, ...rest] = this.#steps
    const name = typeof first === 'number' ? this.#names?.[first] : undefined
    const steps = name === undefined ? this.#steps : rest
    const shown = steps
      .slice(0, MAX_STEPS)
      .reduce<string>((path, step) => path + stepText(step, path === ''), name ?? '')
    return steps.length > MAX_STEPS ? `${shown}…` : shown
  }
}

function stepText(step: string | number, first: boolean): string {
  if (typeof step === 'number') return `[${step}]`
  if (!IDENTIFIER.test(step)) return `[${JSON.stringify(step.slice(0, 64))}]`
  return first ? step : `.${step}`
}
