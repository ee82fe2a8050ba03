import type { Laboratory } from './laboratory.js'

export type LaboratoryName = 'lab' | 'canvases' | 'clock-changes'

/** Loaded when it is asked for: the hooks of a mutant have to be there first. */
const LABORATORIES: Readonly<Record<LaboratoryName, () => Promise<Laboratory>>> = Object.freeze({
  lab: async () => (await import('./lab/laboratory.js')).laboratory,
  canvases: async () => (await import('./canvases/laboratory.js')).laboratory,
  'clock-changes': async () => (await import('./clock-changes/laboratory.js')).laboratory,
})

export function findLaboratory(name: LaboratoryName): Promise<Laboratory> {
  return LABORATORIES[name]()
}

export function isLaboratory(name: string | undefined): name is LaboratoryName {
  return name !== undefined && Object.hasOwn(LABORATORIES, name)
}
