import type { Mutant } from '../mutants.js'

/** Deliberate bugs around changed clocks: each must be found within 200 nights. */
export const CLOCK_MUTANTS: readonly Mutant[] = Object.freeze([
  {
    name: 'repeated-times-run-twice',
    foundBy: 1,
    file: 'schedules/zoned-grid.js',
    find: "this.#twice = options.repeated === 'twice';",
    replace: 'this.#twice = true;',
  },
  {
    name: 'skipped-times-come-before-the-change',
    foundBy: 10,
    file: 'schedules/zone.js',
    find: "{ kind: 'skipped', shifted: old, change:",
    replace: "{ kind: 'skipped', shifted: fresh, change:",
  },
  {
    name: 'makes-up-by-the-second-showing',
    foundBy: 135,
    file: 'schedules/zoned-grid.js',
    find: 'const shown = isAgain ? wall + place.second - place.first : wall;',
    replace: 'const shown = wall;',
  },
  {
    name: 'makes-up-what-was-shifted-past',
    foundBy: 106,
    file: 'schedules/zoned-grid.js',
    find: 'if (change === undefined)\nreturn instant;',
    replace: 'if (true) return instant;',
  },
  {
    name: 'successor-begins-anew',
    foundBy: 3,
    file: 'beat/desk.js',
    find: 'if (state !== undefined)\nstates.set(name, state);',
    replace: 'if (state === undefined)\n states.set(name, state);',
  },
])
