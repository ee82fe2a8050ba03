import type { Mutant } from '../mutants.js'

/** Deliberate bugs in canvases: each must be found by the canvas laboratory within 2,000 canvases. */
export const CANVAS_MUTANTS: readonly Mutant[] = Object.freeze([
  {
    name: 'replacement-passes-for-the-task',
    file: 'canvas/replacement.js',
    find: 'return { signature: atEnd(linked, wireOptions(nesting)), options: wireOptions(changes) };',
    replace: 'return { signature: linked, options: wireOptions(changes) };',
  },
  {
    name: 'replacement-drops-the-chain',
    file: 'canvas/replacement.js',
    find: '...(request.chain.length === 0 ? {} : { chain: request.chain }),',
    replace: '',
  },
  {
    name: 'replacement-drops-the-chord',
    file: 'canvas/replacement.js',
    find: '...(request.chord === undefined ? {} : { chord: request.chord }),',
    replace: '',
  },
  {
    name: 'replacement-drops-callbacks',
    file: 'canvas/replacement.js',
    find: "addCallbacks(one, 'link', request.callbacks)",
    replace: 'one',
  },
  {
    name: 'replacement-drops-errbacks',
    file: 'canvas/replacement.js',
    find: "const linked = addCallbacks(addCallbacks(one, 'link', request.callbacks), 'linkError', request.errbacks);",
    replace: "const linked = addCallbacks(one, 'link', request.callbacks);",
  },
  {
    name: 'parts-counted-by-member',
    file: 'canvas/plan.js',
    find: 'const parts = members.reduce((sum, { signature }) => sum + chordSize(signature), 0);',
    replace: 'const parts = members.length;',
  },
  {
    name: 'nested-parts-share-an-index',
    file: 'canvas/freeze.js',
    find: 'next += Math.max(1, chordSize(member));',
    replace: 'next += 1;',
  },
  {
    name: 'chain-counted-by-its-first-step',
    file: 'canvas/chord-size.js',
    find: '.findLast(size => size > 0) ?? 0);',
    replace: '.find(size => size > 0) ?? 0);',
  },
  {
    name: 'what-follows-a-chord-is-dropped',
    file: 'canvas/plan.js',
    find: 'const body = this.#freezer.freeze(withOptions(linkedBody(merged), carrying(chain, rest)), {',
    replace: 'const body = this.#freezer.freeze(withOptions(linkedBody(merged), rest), {',
  },
  {
    name: 'what-follows-the-failed-is-untold',
    file: 'canvas/ends.js',
    find: "const later = everyoneOf(signature.options['chain']);",
    replace: 'const later = [];',
  },
  {
    name: 'revoked-alone',
    file: 'worker/aftermath.js',
    find: 'return [...arrival(meta, context), ...later];',
    replace: 'return [...arrival(meta, context)];',
  },
  {
    name: 'failed-body-untold',
    file: 'worker/aftermath.js',
    find: '...failCanvas(named, failureOf(error, context), context),',
    replace: '',
  },
  {
    name: 'failed-body-calls-no-errbacks',
    file: 'worker/aftermath.js',
    find: '...tellErrbacks(errbacksOf(named), error, undefined, context),',
    replace: '',
  },
  {
    name: 'map-takes-the-first',
    file: 'app/builtin-tasks.js',
    find: 'values.push(await task.handler(...args));',
    replace: 'values[0] = await task.handler(...args);',
  },
])
