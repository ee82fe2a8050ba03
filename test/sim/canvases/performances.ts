import type { TaskContext } from '../../../src/app/task-context.js'
import { type Evidence, Violation } from '../../../src/testing/sim/evidence.js'
import type { Execution } from '../../../src/testing/sim/journal.js'
import { type Meaning, meaningOf, valueMade } from '../../canvas/model.js'
import type { CanvasPlan } from './plan.js'

/** One entering of a handler, or one item of a task that calls it for each. */
export interface Performance {
  /** From 1: part of its value, so that a value tells whose it is. */
  readonly number: number
  readonly label: string
  readonly id: string
  readonly retries: number
  readonly args: readonly unknown[]
  readonly value: string
  /** Undefined: of an item. */
  readonly execution: Execution | undefined
  /** The handler has come to its end. */
  over: boolean
}

/** It has come to its end, and did not do so in a child that died before its worker had heard of it. */
export function hasEnded({ over, execution }: Performance): boolean {
  return over && execution?.lost !== true
}

/** What ran, and with what: each as it begins must be one that the canvas means, given what it means. */
export class Performances {
  readonly all: Performance[] = []
  readonly #ids = new Map<string, string>()
  readonly #meaning: Meaning
  readonly #plan: CanvasPlan
  readonly #evidence: Evidence

  constructor(plan: CanvasPlan, evidence: Evidence) {
    this.#plan = plan
    this.#meaning = meaningOf(plan.tree)
    this.#evidence = evidence
  }

  begin(
    label: string,
    { id, retries }: TaskContext,
    args: readonly unknown[],
    execution: Execution | undefined,
  ): Performance {
    const number = this.all.length + 1
    const value = `${valueMade(label, plainly(args))}~${number}`
    const performance: Performance = { number, label, id, retries, args, value, execution, over: false }
    this.all.push(performance)
    return performance
  }

  of(label: string): readonly Performance[] {
    return this.all.filter(one => one.label === label)
  }

  idOf(label: string): string | undefined {
    return this.#ids.get(label)
  }

  /** Safety: I06, I08, I09 and D43 for canvases of any shape. Throws `Violation`. */
  mustMakeSense({ label, id, args }: Performance): void {
    const before = this.#ids.get(label)
    if (before !== undefined && before !== id) {
      throw new Violation('C1', `${label} runs as ${id}, and has run as ${before} (D43)`, [id, before])
    }
    this.#ids.set(label, id)
    if (label.endsWith('.errback')) {
      this.#mustHaveFailed(label, id, args)
      return
    }
    const given = this.#meaning.given.get(label)
    if (given === undefined) throw new Violation('C2', `${label} runs, and was never to`, [id])
    const [meant, got] = [JSON.stringify(given), JSON.stringify(plainly(args))]
    if (meant !== got) throw new Violation('C3', `${label} is given ${got} instead of ${meant}`, [id])
    if (this.#plan.late) for (const value of valuesIn(args)) this.#mustBeStored(label, id, value)
  }

  #mustHaveFailed(label: string, id: string, [told]: readonly unknown[]): void {
    const state = this.#evidence.backend.visible(String(told) as never)?.status
    if (state === 'FAILURE' || !this.#plan.late) return
    throw new Violation('C4', `${label} is told of ${String(told)}, which is ${state ?? 'PENDING'}`, [id])
  }

  /** What is handed on is what is stored (D42). */
  #mustBeStored(label: string, id: string, value: string): void {
    const maker = this.all[Number(value.slice(value.indexOf('~') + 1)) - 1]
    const stored = maker === undefined ? undefined : this.#evidence.backend.visible(maker.id)?.result
    if (JSON.stringify(stored ?? null).includes(JSON.stringify(value))) return
    throw new Violation('C5', `${label} is given ${value}; stored is ${JSON.stringify(stored)} (D42)`, [
      id,
      ...(maker === undefined ? [] : [maker.id]),
    ])
  }
}

/** Without the numbers of performances. */
export function plainly(value: readonly unknown[]): readonly unknown[]
export function plainly(value: unknown): unknown
export function plainly(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value ?? null).replaceAll(/~\d+/g, ''))
}

function valuesIn(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(valuesIn)
  return typeof value === 'string' && value.includes('~') ? [value] : []
}
