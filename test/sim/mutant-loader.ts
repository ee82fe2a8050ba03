import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Mutant } from './mutants.js'

/*
 * Module hooks that change one place of one compiled file while it is loaded: the product on disk stays as it is. A place
 * that is not there, or there twice, fails the load: the mutant has outlived the code it was about.
 */

const active: { mutant?: Mutant } = {}

export function initialize(mutant: Mutant): void {
  active.mutant = mutant
}

interface Loaded {
  readonly format: string
  readonly source?: unknown
  readonly shortCircuit?: boolean
}

export async function load(
  url: string,
  context: unknown,
  next: (url: string, context: unknown) => Promise<Loaded>,
): Promise<Loaded> {
  const { mutant } = active
  if (mutant === undefined || !url.endsWith(`/src/${mutant.file}`)) return next(url, context)
  const source = await readFile(fileURLToPath(url), 'utf8')
  return { format: 'module', source: mutate(source, mutant), shortCircuit: true }
}

function mutate(source: string, { name, file, find, replace }: Mutant): string {
  const parts = squeeze(source).split(squeeze(find))
  if (parts.length !== 2) {
    throw new Error(
      `Mutant '${name}': its place is ${parts.length - 1} times in ${file}; write it anew for the present code.`,
    )
  }
  return parts.join(replace)
}

/** Indentation is the compiler's affair. */
function squeeze(text: string): string {
  return text
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '')
    .join('\n')
}
