import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { filesBelow, repositoryRoot } from '../support/repository.js'
import { inputFromJson } from './input-text.js'
import type { Input, Outcome } from './target.js'

/** Something that a decoder once got wrong, and what must come of it. */
export interface CorpusEntry {
  /** Name of the file without its ending. */
  readonly name: string
  readonly target: string
  /** What went wrong. */
  readonly found: string
  readonly input: Input
  readonly outcome: Outcome
}

export const CORPUS_FOLDER = 'test/fuzz/corpus'

export function readCorpus(): readonly CorpusEntry[] {
  return filesBelow(CORPUS_FOLDER, '.json').map(path => {
    const { target, found, input, outcome } = JSON.parse(readFileSync(join(repositoryRoot(), path), 'utf8'))
    return { name: path.slice(CORPUS_FOLDER.length + 1, -5), target, found, input: inputFromJson(input), outcome }
  })
}
