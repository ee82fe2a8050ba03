import type { App } from '../../src/app/app.js'
import { currentTask } from '../../src/app/current-task.js'
import { addLink, setOptions } from '../../src/app/set-options.js'
import type { TaskContext } from '../../src/app/task-context.js'
import { chain, chord, chunks, group, map, starmap } from '../../src/canvas/canvas.js'
import type { TypedSignature } from '../../src/canvas/typed-signature.js'
import { type Fate, type Leaf, partsOf, type Tree } from './model.js'

/* Canvases of the trees of `model.ts`, and the task that does what these say. */

/** Whatever it takes and gives. */
export type Any = TypedSignature<readonly unknown[], unknown>

/** What a task is told of itself: the last of its arguments. */
export interface Spec {
  readonly label: string
  readonly fate: Fate
}

/** Around every call: hands `act` the value that this one is to return, and gives what it gives. */
export type Witness = (
  spec: Spec,
  context: TaskContext,
  args: readonly unknown[],
  act: (value: string) => unknown,
) => unknown

const FINE: Fate = { kind: 'ok' }
const DOOMED: Fate = { kind: 'fail' }

/** `named`: tasks have their labels for ids. */
export type Build = (tree: Tree, named: boolean) => Any

/** Defines the one task of all trees. */
export function defineTroupe(app: App, witness: Witness): Build {
  const troupe = app.task('act', (...given: readonly unknown[]): unknown => {
    const spec = given.at(-1) as Spec
    const args = given.slice(0, -1)
    // Asked for before anybody waits.
    const context = currentTask()
    return witness(spec, context, args, value => act(spec, context, args, value))
  })
  const sign = (...given: readonly unknown[]): Any => troupe.s(...given) as Any
  const still = (...given: readonly unknown[]): Any => troupe.si(...given) as Any

  const act = ({ label, fate }: Spec, context: TaskContext, args: readonly unknown[], value: string): unknown => {
    switch (fate.kind) {
      case 'ok':
        return value
      case 'fail':
        throw new RangeError(label)
      case 'retry':
        if (context.retries < fate.times || fate.hopeless)
          throw context.retry({ countdown: 0.2, maxRetries: fate.times, error: new RangeError(label) })
        return value
      case 'replace':
        if (context.retries < fate.times) throw context.retry({ countdown: 0.2, maxRetries: fate.times })
        throw context.replace(instead(label, fate, args))
      default:
        return fate satisfies never
    }
  }

  const instead = (
    label: string,
    { by, fails }: Fate & { readonly kind: 'replace' },
    args: readonly unknown[],
  ): Any => {
    const last = fails ? DOOMED : FINE
    const [first, second] = [`${label}a`, `${label}b`]
    switch (by) {
      case 'task':
        return sign(...args, { label: first, fate: last })
      case 'chain':
        return chain(sign(...args, { label: first, fate: FINE }), sign({ label: second, fate: last })) as Any
      case 'group':
      case 'chord': {
        const both = [sign(...args, { label: first, fate: FINE }), sign(...args, { label: second, fate: last })]
        return by === 'group' ? (group(...both) as Any) : (chord(both, sign({ label: `${label}c`, fate: FINE })) as Any)
      }
      default:
        return by satisfies never
    }
  }

  const build: Build = (tree, named) => {
    const name = (signature: Any, label: string): Any => (named ? setOptions(signature, { taskId: label }) : signature)
    const leaf = ({ label, fate, immutable, link, errback }: Leaf): Any => {
      const called = (what: string): Any => name(sign({ label: `${label}.${what}`, fate: FINE }), `${label}.${what}`)
      let signature = name((immutable ? still : sign)({ label, fate }), label)
      if (link) signature = addLink(signature, 'link', called('link'))
      if (errback) signature = addLink(signature, 'linkError', called('errback'))
      return signature
    }
    const item = (label: string, n: number): Spec => ({ label: `${label}.${n}`, fate: FINE })
    switch (tree.kind) {
      case 'task':
        return leaf(tree)
      case 'map':
        return name(map(sign() as never, tree.items.map(n => item(tree.label, n)) as never) as Any, tree.label)
      case 'starmap':
        return name(
          starmap(
            sign(),
            tree.items.map(n => [n, item(tree.label, n)]),
          ) as Any,
          tree.label,
        )
      case 'chunks': {
        const each = partsOf(tree).flatMap(({ label, items }) => items.map(n => [n, item(label, n)]))
        return chunks(sign(), each, tree.size) as Any
      }
      case 'chain':
        return (chain as (...steps: readonly Any[]) => Any)(...tree.steps.map(step => build(step, named)))
      case 'group':
        return group(...tree.members.map(member => build(member, named))) as Any
      case 'chord':
        return chord(
          tree.header.map(part => build(part, named)),
          build(tree.body, named),
        ) as Any
      default:
        return tree satisfies never
    }
  }
  return build
}
