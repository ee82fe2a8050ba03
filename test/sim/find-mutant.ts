import { CANVAS_MUTANTS } from './canvases/mutants.js'
import { CLOCK_MUTANTS } from './clock-changes/mutants.js'
import type { LaboratoryName } from './find-laboratory.js'
import { MUTANTS, type Mutant } from './mutants.js'

/** By the laboratory that has to find them. */
const ALL: Readonly<Record<LaboratoryName, readonly Mutant[]>> = Object.freeze({
  lab: MUTANTS,
  canvases: CANVAS_MUTANTS,
  'clock-changes': CLOCK_MUTANTS,
})

export interface FoundMutant {
  readonly mutant: Mutant
  readonly laboratory: LaboratoryName
}

/** Throws, with the names there are, when there is none of this name. */
export function findMutant(name: string | undefined): FoundMutant {
  const all = (Object.keys(ALL) as LaboratoryName[]).flatMap(laboratory =>
    ALL[laboratory].map(mutant => ({ mutant, laboratory })),
  )
  const found = all.find(({ mutant }) => mutant.name === name)
  if (found !== undefined) return found
  throw new Error(`There is no mutant '${name}'; there are ${all.map(({ mutant }) => mutant.name).join(', ')}.`)
}
