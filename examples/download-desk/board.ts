import type { Request } from './tasks.ts'

interface Row {
  state: string
  part: number
}

const WIDTH = 30

/** Progress bars, one a request: drawn over each other on a terminal, told as lines elsewhere. */
export class Board {
  readonly #rows: Map<string, Row>
  readonly #live = process.stdout.isTTY === true
  #drawn = false

  constructor(requests: readonly Request[]) {
    this.#rows = new Map(requests.map(({ id }) => [id, { state: 'waiting', part: 0 }]))
  }

  show(id: string, state: string, part: number): void {
    const row = this.#rows.get(id)
    if (row === undefined || (row.state === state && row.part === part)) return
    const changed = row.state !== state
    row.state = state
    row.part = part
    if (this.#live) this.#draw()
    else if (changed) process.stdout.write(`  ${id} ${state}\n`)
  }

  say(text: string): void {
    if (this.#live && this.#drawn) process.stdout.write(`\x1b[${this.#rows.size}A\x1b[J`)
    process.stdout.write(`${text}\n`)
    this.#drawn = false
    if (this.#live) this.#draw()
  }

  #draw(): void {
    const up = this.#drawn ? `\x1b[${this.#rows.size}A` : ''
    const lines = [...this.#rows].map(([id, { state, part }]) => {
      const full = Math.round(part * WIDTH)
      return `\x1b[2K  ${id} ${'█'.repeat(full)}${'░'.repeat(WIDTH - full)} ${state}\n`
    })
    process.stdout.write(up + lines.join(''))
    this.#drawn = true
  }
}
