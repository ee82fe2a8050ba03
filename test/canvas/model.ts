import { createHash } from 'node:crypto'
import type { SimRandom } from '../../src/testing/sim/sim-random.js'

/*
 * What a canvas means, without any message: the value that it comes to, which tasks run and with what, and which callbacks and
 * errbacks are called. Trees are drawn at random; `build.ts` makes canvases of them.
 */

export type Tree =
  | Leaf
  | Over
  | Chunks
  | { readonly kind: 'chain'; readonly steps: readonly Tree[] }
  | { readonly kind: 'group'; readonly members: readonly Tree[] }
  | { readonly kind: 'chord'; readonly header: readonly Tree[]; readonly body: Tree }

export interface Leaf {
  readonly kind: 'task'
  readonly label: string
  readonly fate: Fate
  /** It takes nothing from what is before it. */
  readonly immutable: boolean
  /** Something is called with its value, or with its id when it fails. */
  readonly link: boolean
  readonly errback: boolean
}

/** One task, called for each of so many items by another. */
export interface Over {
  readonly kind: 'map' | 'starmap'
  readonly label: string
  readonly items: readonly number[]
}

/** A group of starmaps, over so many items each. */
export interface Chunks {
  readonly kind: 'chunks'
  readonly label: string
  readonly items: readonly number[]
  readonly size: number
}

export type Fate =
  | { readonly kind: 'ok' }
  | { readonly kind: 'fail' }
  /** Asks for so many further attempts; after the last one it fails where it is hopeless. */
  | { readonly kind: 'retry'; readonly times: number; readonly hopeless: boolean }
  /** After so many further attempts, others take its place, of which the last may fail. */
  | {
      readonly kind: 'replace'
      readonly by: 'task' | 'chain' | 'group' | 'chord'
      readonly times: number
      readonly fails: boolean
    }

export type End = { readonly ok: true; readonly value: unknown } | { readonly ok: false }

/** A task that did not come to its own end. */
export type Fall = 'revoked' | 'poison'

/** A tree with at most `depth` levels; tasks are labelled in the order of drawing. */
export function drawTree(random: SimRandom, depth: number): Tree {
  let labels = 0
  const several = (left: number): readonly Tree[] => Array.from({ length: random.int(2, 3) }, () => draw(left))
  const draw = (left: number): Tree => {
    const pick = left <= 1 ? 0 : random.int(0, 9)
    if (pick < 3) return drawLeaf(`t${labels++}`, random)
    if (pick < 6) return { kind: 'chain', steps: several(left - 1) }
    if (pick < 8) return { kind: 'group', members: several(left - 1) }
    return { kind: 'chord', header: several(left - 1), body: draw(left - 1) }
  }
  return draw(depth)
}

function drawLeaf(label: string, random: SimRandom): Leaf | Over | Chunks {
  const items = (): readonly number[] => Array.from({ length: random.int(1, 4) }, (_, i) => i)
  const pick = random.int(0, 29)
  if (pick === 0) return { kind: 'map', label, items: items() }
  if (pick === 1) return { kind: 'starmap', label, items: items() }
  // Never one part alone: a group of one within a chain is not a group.
  if (pick === 2) {
    const last = random.int(1, 4)
    return { kind: 'chunks', label, items: Array.from({ length: last + 1 }, (_, i) => i), size: random.int(1, last) }
  }
  return {
    ...{ kind: 'task', label, fate: drawFate(random) },
    immutable: random.chance(0.1),
    link: random.chance(0.1),
    errback: random.chance(0.2),
  }
}

function drawFate(random: SimRandom): Fate {
  const pick = random.int(0, 29)
  if (pick === 0) return { kind: 'fail' }
  if (pick < 4) return { kind: 'retry', times: random.int(1, 2), hopeless: random.chance(0.2) }
  if (pick < 8) {
    const by = (['task', 'chain', 'group', 'chord'] as const)[pick - 4] ?? 'task'
    return { kind: 'replace', by, times: random.pick([0, 0, 0, 1, 2]), fails: random.chance(0.1) }
  }
  return { kind: 'ok' }
}

/** The parts that a `chunks` is made of. */
export function partsOf({ label, items, size }: Chunks): readonly Over[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, n) => {
    return { kind: 'starmap', label: `${label}/${n}`, items: items.slice(n * size, (n + 1) * size) }
  })
}

/** What a task makes of what it is given: a short name of all that it depends on. */
export function valueMade(label: string, args: readonly unknown[]): string {
  const digest = createHash('sha256').update(JSON.stringify(args)).digest('hex')
  return `${label}#${digest.slice(0, 8)}`
}

export interface Meaning {
  readonly end: End
  /** Attempts of every label that runs. */
  readonly runs: ReadonlyMap<string, number>
  /** What each is given, but for errbacks. */
  readonly given: ReadonlyMap<string, readonly unknown[]>
  /** How each comes to its end. */
  readonly ends: ReadonlyMap<string, End>
  /** Labels that may have run, or have run in part. */
  readonly perhaps: ReadonlySet<string>
}

/** What runs for sure. */
export function certainRuns({ runs, perhaps }: Meaning): ReadonlyMap<string, number> {
  return new Map([...runs].filter(([label]) => !perhaps.has(label)))
}

/** `fallen`: tasks that somebody or something has put an end to. */
export function meaningOf(tree: Tree, fallen: ReadonlyMap<string, Fall> = NOBODY): Meaning {
  const mind = new Mind(fallen)
  const end = mind.evaluate(tree, [])
  return { end, runs: mind.runs, given: mind.given, ends: mind.ends, perhaps: mind.perhaps }
}

const NOBODY: ReadonlyMap<string, Fall> = new Map()

class Mind {
  readonly runs = new Map<string, number>()
  readonly given = new Map<string, readonly unknown[]>()
  readonly ends = new Map<string, End>()
  readonly perhaps = new Set<string>()
  readonly #fallen: ReadonlyMap<string, Fall>

  constructor(fallen: ReadonlyMap<string, Fall>) {
    this.#fallen = fallen
  }

  /** `followed`: it is no last step of a chain. */
  evaluate(tree: Tree, args: readonly unknown[], followed = false): End {
    switch (tree.kind) {
      case 'task':
        return this.#task(tree, tree.immutable ? [] : args)
      case 'map':
      case 'starmap':
        return this.#over(tree)
      case 'chunks':
        return this.#all(partsOf(tree), args)
      case 'chain':
        return this.#chain(tree.steps, args, followed)
      case 'group':
        return this.#all(spread(tree.members), args)
      case 'chord': {
        const header = this.#all(spread(tree.header), args)
        if (header.ok) return this.evaluate(tree.body, [header.value], followed)
        this.#untold(tree.body, followed)
        return header
      }
      default:
        return tree satisfies never
    }
  }

  #chain(steps: readonly Tree[], args: readonly unknown[], followed: boolean): End {
    const last = steps.length - 1
    let end: End = { ok: true, value: undefined }
    for (const [at, step] of steps.entries()) {
      end = this.evaluate(step, at === 0 ? args : [end.value], followed || at < last)
      if (end.ok) continue
      const next = steps[at + 1]
      // A group that something follows has become the header of a chord, with that for a body; others may end in one.
      const isHeader = step.kind === 'group' || step.kind === 'chunks'
      const isOne = step.kind === 'task' || step.kind === 'map' || step.kind === 'starmap'
      const body = next === undefined ? undefined : firstOf(next)
      const isSure = isHeader && body === next && !followed && at + 1 === last
      if (body !== undefined && !isOne) this.#untold(body, !isSure)
      return end
    }
    return end
  }

  /** Every member runs, whatever becomes of the others. */
  #all(members: readonly Tree[], args: readonly unknown[]): End {
    const ends = members.map(member => this.evaluate(member, args))
    const values = ends.flatMap(end => (end.ok ? [end.value] : []))
    return values.length === ends.length ? { ok: true, value: values } : { ok: false }
  }

  /** A body that will not run: its errbacks hear of it, unless it has become one with what follows it. */
  #untold(body: Tree, followed: boolean): void {
    if (body.kind === 'group') for (const member of spread(body.members)) this.#untold(member, followed)
    if (body.kind !== 'task' || !body.errback) return
    this.#called(`${body.label}.errback`)
    if (followed) this.perhaps.add(`${body.label}.errback`)
  }

  #over({ label, items, kind }: Over): End {
    for (const item of items) {
      this.#ran(`${label}.${item}`, kind === 'map' ? [] : [item])
      if (this.#fallen.has(label)) this.perhaps.add(`${label}.${item}`)
    }
    const values = items.map(item => valueMade(`${label}.${item}`, kind === 'map' ? [] : [item]))
    return this.#ended(label, { ok: true, value: values })
  }

  #task({ label, fate, link, errback }: Leaf, args: readonly unknown[]): End {
    const end = this.#ended(label, this.#run(label, fate, args))
    if (end.ok && link) this.#ran(`${label}.link`, [end.value])
    if (!end.ok && errback) this.#called(`${label}.errback`)
    // It may have failed before it was revoked.
    if (this.#fallen.get(label) === 'revoked') this.perhaps.add(`${label}.errback`)
    return end
  }

  #run(label: string, fate: Fate, args: readonly unknown[]): End {
    this.#ran(label, args)
    switch (fate.kind) {
      case 'ok':
        return { ok: true, value: valueMade(label, args) }
      case 'fail':
        return { ok: false }
      case 'retry':
        this.runs.set(label, fate.times + 1)
        return fate.hopeless ? { ok: false } : { ok: true, value: valueMade(label, args) }
      case 'replace':
        return this.#replaced(label, fate, args)
      default:
        return fate satisfies never
    }
  }

  #replaced(label: string, { by, times, fails }: Fate & { readonly kind: 'replace' }, args: readonly unknown[]): End {
    this.runs.set(label, times + 1)
    const run = (name: string, given: readonly unknown[]): string => {
      this.#ran(name, given)
      if (this.#fallen.has(label)) this.perhaps.add(name)
      return valueMade(name, given)
    }
    const first = run(`${label}a`, args)
    if (by === 'task') return fails ? { ok: false } : { ok: true, value: first }
    const second = by === 'chain' ? run(`${label}b`, [first]) : run(`${label}b`, args)
    if (fails) return { ok: false }
    if (by === 'chord') return { ok: true, value: run(`${label}c`, [[first, second]]) }
    return { ok: true, value: by === 'group' ? [first, second] : second }
  }

  #ran(label: string, args: readonly unknown[]): void {
    this.runs.set(label, 1)
    this.given.set(label, args)
    if (this.#fallen.has(label)) this.perhaps.add(label)
  }

  #called(errback: string): void {
    this.runs.set(errback, 1)
    if (this.#fallen.has(errback)) this.perhaps.add(errback)
  }

  #ended(label: string, end: End): End {
    const told: End = this.#fallen.has(label) ? { ok: false } : end
    this.ends.set(label, told)
    return told
  }
}

/** Chains within chains are one. */
function firstOf(tree: Tree): Tree {
  const first = tree.kind === 'chain' ? tree.steps[0] : undefined
  return first === undefined ? tree : firstOf(first)
}

/** Groups within a group are spread. */
function spread(members: readonly Tree[]): readonly Tree[] {
  return members.flatMap((member): readonly Tree[] => {
    if (member.kind === 'chunks') return partsOf(member)
    return member.kind === 'group' ? spread(member.members) : [member]
  })
}
