import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { filesBelow, repositoryRoot } from '../repository.js'

/**
 * A fenced piece of code in a page. Its info string says what is done with it:
 *
 *     ```ts                a module: type-checked
 *     ```ts run            type-checked and run; a ```text output block behind it is what it must print
 *     ```ts file=tasks.ts  the module of that name, which the page's other samples of the language import
 */
export interface Sample {
  /** Of the page, relative to the repository. */
  readonly page: string
  /** Of the opening fence, from 1. */
  readonly line: number
  readonly language: 'ts' | 'js'
  /** Name of the module it becomes. */
  readonly file: string
  readonly code: string
  readonly run: boolean
  /** What it prints; `…` stands for anything within a line. */
  readonly output: string | undefined
}

interface Fence {
  readonly line: number
  readonly info: readonly string[]
  readonly code: string
}

/** Pages whose samples are checked. */
export function pagesWithSamples(): readonly string[] {
  return ['README.md', ...filesBelow('docs', '.md')]
}

export function readPage(page: string): string {
  return readFileSync(join(repositoryRoot(), page), 'utf8')
}

export function samplesOf(page: string): readonly Sample[] {
  const fences = fencesOf(readPage(page))
  return fences.flatMap((fence, i) => {
    const [language, ...words] = fence.info
    if (language !== 'ts' && language !== 'js') return []
    const named = words.find(word => word.startsWith('file='))?.slice('file='.length)
    const output = outputBehind(fences.slice(i + 1))
    const file = named ?? `sample-${fence.line}.${language}`
    return [{ page, line: fence.line, language, file, code: fence.code, run: words.includes('run'), output }]
  })
}

/** The output block behind a sample, before the next one; commands may stand between. */
function outputBehind(fences: readonly Fence[]): string | undefined {
  for (const { info, code } of fences) {
    if (info[0] === 'ts' || info[0] === 'js') return undefined
    if (info.join(' ') === 'text output') return code
  }
  return undefined
}

export function fencesOf(text: string): readonly Fence[] {
  const fences: Fence[] = []
  let open: { readonly line: number; readonly info: readonly string[]; readonly lines: string[] } | undefined
  text.split('\n').forEach((line, i) => {
    if (open === undefined) {
      if (line.startsWith('```')) open = { line: i + 1, info: words(line.slice(3)), lines: [] }
    } else if (line === '```') {
      fences.push({ line: open.line, info: open.info, code: `${open.lines.join('\n')}\n` })
      open = undefined
    } else open.lines.push(line)
  })
  if (open !== undefined) throw new Error(`the fence of line ${open.line} is not closed`)
  return fences
}

/** Does the printed text fit what the page shows? */
export function fits(output: string, printed: string): boolean {
  const parts = output
    .trim()
    .split('…')
    .map(part => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('.*')}$`).test(printed.trim())
}

function words(info: string): readonly string[] {
  return info.split(/\s+/).filter(word => word !== '')
}
