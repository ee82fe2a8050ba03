import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { filesBelow, repositoryRoot } from '../repository.js'
import { readPage } from './samples.js'

/** A rule of the table in docs/reference/guarantees.md. */
export interface Rule {
  readonly id: string
  readonly says: string
  /** Files named as its proof; empty where the page says why there is none. */
  readonly proofs: readonly string[]
  /** It has nothing to hold on to in this version. */
  readonly idle: boolean
}

/** Rule → files with a test whose name begins with it. A name may begin with several: `'D01 D20 many processes …'`. */
export function provedIn(): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>()
  for (const path of [...filesBelow('src', '.ts'), ...filesBelow('test', '.ts')].filter(isTest)) {
    const source = readFileSync(join(repositoryRoot(), path), 'utf8')
    for (const rule of new Set([...source.matchAll(NAME)].flatMap(([, rules = '']) => rules.trim().split(' ')))) {
      found.set(rule, [...(found.get(rule) ?? []), path])
    }
  }
  return found
}

/** Rules as the page lists them, in its order. */
export function rulesOfPage(): readonly Rule[] {
  return [...readPage(PAGE).matchAll(ROW)].map(([, id = '', says = '', proof = '']) => ({
    id,
    says: says.trim(),
    proofs: [...proof.matchAll(/`([^`]+)`/g)].map(([, path = '']) => path),
    idle: proof.trim().startsWith('–'),
  }))
}

/** The page with its column of proofs filled in anew. */
export function pageWithProofs(): string {
  const found = provedIn()
  return readPage(PAGE).replace(ROW, (line, id: string, says: string, proof: string) => {
    if (proof.trim().startsWith('–')) return line
    const files = (found.get(id) ?? []).map(path => `\`${path}\``).join(', ')
    return `| ${id} | ${says.trim()} | ${files} |`
  })
}

export const PAGE = 'docs/reference/guarantees.md'

const ROW = /^\| (D[0-9][0-9a-i]) \|([^|]*)\|([^|]*)\|$/gm

/** The beginning of a test's name, wherever it stands: `test('D21 …'`, `name: 'D22 …'`, `` `D44 ${what}` ``. */
const NAME = /(?<=[(:]\s*)['"`]((?:D[0-9][0-9a-i] )+)/g

function isTest(path: string): boolean {
  return path.endsWith('.test.ts') || path.includes('/conformance/')
}
