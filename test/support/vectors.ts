import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { brotliDecompressSync } from 'node:zlib'

/** One captured vector. What it holds depends on its folder: see test/vectors/README.md. */
export interface VectorFile {
  /** Such as `celery-5.6.2/messages/amqp/task_args.json`. */
  readonly path: string
  /** Parsed anew for every call, so a test may change it. */
  // biome-ignore lint/suspicious/noExplicitAny: captured JSON of a hundred shapes; a test names the members it reads
  readonly vector: any
}

/** Every vector whose path begins with `prefix`, in order of path. Throws when there is none: a test on nothing proves nothing. */
export function vectors(prefix: string): readonly VectorFile[] {
  const found = paths(prefix).map(path => ({ path, vector: vector(path) }))
  if (found.length === 0) throw new Error(`no vector has a path beginning with '${prefix}'`)
  return found
}

/** Paths of all entries of the bundle that begin with `prefix`, sorted. */
export function paths(prefix = ''): readonly string[] {
  return [...bundle().keys()].filter(path => path.startsWith(prefix))
}

/** One vector by its exact path; PEM and key files are strings. */
// biome-ignore lint/suspicious/noExplicitAny: as above
export function vector(path: string): any {
  return JSON.parse(vectorText(path))
}

/** The JSON text of one vector, for readers that must see numbers digit for digit. */
export function vectorText(path: string): string {
  const text = bundle().get(path)
  if (text === undefined) throw new Error(`there is no vector '${path}'`)
  return text
}

/** Unpacked once per process; 12 MB of text. */
const bundle = once(() => {
  const packed = readFileSync(join(repositoryRoot(), 'test', 'vectors', 'vectors.jsonl.br'))
  const byPath = new Map<string, string>()
  for (const line of brotliDecompressSync(packed).toString('utf8').split('\n')) {
    const head = /^\{"path":"([^"]*)","vector":/.exec(line)
    if (head !== null) byPath.set(head[1] as string, line.slice(head[0].length, -1))
  }
  return byPath as ReadonlyMap<string, string>
})

/** The nearest folder above this file that holds the bundle: sources and compiled tests lie at different depths. */
function repositoryRoot(): string {
  for (let folder = import.meta.dirname; folder !== dirname(folder); folder = dirname(folder)) {
    if (existsSync(join(folder, 'test', 'vectors', 'vectors.jsonl.br'))) return folder
  }
  throw new Error(`no folder above ${import.meta.dirname} holds test/vectors/vectors.jsonl.br`)
}

function once<T>(make: () => T): () => T {
  const cache: { made?: { readonly value: T } } = {}
  return () => {
    cache.made ??= { value: make() }
    return cache.made.value
  }
}
