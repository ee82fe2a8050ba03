import type { Log } from '../lib/runtime.js'
import type { WireArguments } from '../protocol/control-arguments.js'
import type { ControlReply } from '../protocol/pidbox.js'
import { type AskOptions, resolveAsk } from './broadcast-options.js'
import type { Asker, Replies } from './control.js'
import type { ControlLine } from './control-line.js'

export interface LineAskerParts {
  log(): Log
  /** The line to ask over, which may be another one each time. */
  line(): ControlLine
}

/** Asks over a line, and lays replies side by side by node name. */
export class LineAsker implements Asker {
  readonly #parts: LineAskerParts

  constructor(parts: LineAskerParts) {
    this.#parts = parts
  }

  async ask(command: string, given: WireArguments, options: AskOptions): Promise<Replies<unknown>> {
    const { timeout, limit, ...whom } = resolveAsk(options)
    const { signal, onReply } = options
    const told = onReply === undefined ? undefined : ({ node, value }: ControlReply) => onReply(node, value)
    const patience = { timeout, limit, signal, onReply: told }
    return this.#byNode(await this.#parts.line().call({ method: command, arguments: given, ...whom }, patience))
  }

  async tell(command: string, given: WireArguments, options: AskOptions): Promise<void> {
    const { timeout, limit: _, ...whom } = resolveAsk(options)
    await this.#parts.line().cast({ method: command, arguments: given, ...whom }, { timeout })
  }

  /** Two workers under one name: only one of them can be shown. Source: celery/app/control.py `flatten_reply`. */
  #byNode(replies: readonly ControlReply[]): Replies<unknown> {
    const nodes = new Map<string, unknown>()
    for (const { node, value } of replies) {
      if (nodes.has(node)) {
        this.#parts.log().warning(`Several workers are named ${node}; give each a name of its own with \`--hostname\`.`)
      }
      nodes.set(node, value)
    }
    return Object.fromEntries(nodes)
  }
}
