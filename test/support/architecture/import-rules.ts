import { type Import, importsOf, resolveImport } from './imports.js'
import { isTest, lineOf, type SourceFile } from './source-file.js'
import {
  FLOORS,
  FRONT_DOORS,
  LOWEST_FLOOR_ABOVE_DOORS,
  NODE_MODULE_PLACES,
  PACKAGES,
  PURE_NODE_MODULES,
  REAL_PLACES,
} from './tables.js'
import type { Violation } from './violation.js'

/** Imports that go sideways or up, third-party code past its door, and Node's I/O outside the real places. */
export function importViolations(file: SourceFile): Violation[] {
  const unknown = unknownRoom(file)
  if (unknown !== undefined) return [unknown]
  return importsOf(file).flatMap(found => {
    const violation = checkImport(file, found)
    return violation === undefined ? [] : [violation]
  })
}

function unknownRoom(file: SourceFile): Violation | undefined {
  if (Object.hasOwn(FRONT_DOORS, file.path) || Object.hasOwn(FLOORS, roomOf(file.path))) return undefined
  return {
    rule: 'unknown-room',
    path: file.path,
    line: 1,
    what: roomOf(file.path),
    message: `'${roomOf(file.path)}' is neither a room nor a front door in the floor table`,
  }
}

function checkImport(file: SourceFile, found: Import): Violation | undefined {
  const { specifier } = found
  if (specifier.startsWith('.')) return checkFloor(file, found)
  if (specifier.startsWith('node:')) return checkNodeModule(file, found)
  return checkPackage(file, found)
}

function checkFloor(file: SourceFile, found: Import): Violation | undefined {
  const target = resolveImport(file.path, found.specifier)
  const from = roomOf(file.path)
  const to = roomOf(target)
  const violation = (why: string): Violation => ({
    rule: 'floor',
    path: file.path,
    line: lineOf(file, found.node),
    what: target,
    message: `imports ${target}: ${why}`,
  })
  if (!target.startsWith('src/')) return violation('files of src/ import only from src/')
  const door = FRONT_DOORS[file.path]
  if (door !== undefined) {
    const floor = FLOORS[to]
    return floor !== undefined && floor <= door ? undefined : violation(`this front door ends at floor ${door}`)
  }
  if (from === to) return undefined
  const floor = FLOORS[from] as number
  if (Object.hasOwn(FRONT_DOORS, target)) {
    return floor >= LOWEST_FLOOR_ABOVE_DOORS ? undefined : violation('a room does not use a front door')
  }
  const below = FLOORS[to]
  if (below === undefined) return violation(`'${to}' is not in the floor table`)
  if (below < floor) return undefined
  return violation(below === floor ? `${from}/ and ${to}/ stand on one floor` : `${to}/ stands above ${from}/`)
}

function checkNodeModule(file: SourceFile, found: Import): Violation | undefined {
  const { specifier } = found
  if (isTest(file.path) || PURE_NODE_MODULES.includes(specifier)) return undefined
  const places = NODE_MODULE_PLACES[specifier] ?? REAL_PLACES
  if (isWithin(file.path, places)) return undefined
  return {
    rule: 'node-module',
    path: file.path,
    line: lineOf(file, found.node),
    what: specifier,
    message: `imports ${specifier}, which belongs to ${places.join(', ')}`,
  }
}

function checkPackage(file: SourceFile, found: Import): Violation | undefined {
  if (isTest(file.path)) return undefined
  const name = packageOf(found.specifier)
  const places = Object.hasOwn(PACKAGES, name) ? (PACKAGES[name] as readonly string[]) : []
  if (isWithin(file.path, places)) return undefined
  const where = places.length === 0 ? 'is not in the table of packages' : `belongs to ${places.join(', ')}`
  return {
    rule: 'package',
    path: file.path,
    line: lineOf(file, found.node),
    what: name,
    message: `imports ${name}, which ${where}`,
  }
}

/** Chains of imports that lead back to their start, type-only ones included; one violation for each knot. */
export function cycleViolations(files: readonly SourceFile[]): Violation[] {
  const known = new Map(files.map(file => [file.path, file]))
  const edges = new Map<string, string[]>()
  for (const file of files) {
    const targets = importsOf(file)
      .filter(found => found.kind === 'import' && found.specifier.startsWith('.'))
      .map(found => resolveImport(file.path, found.specifier))
    edges.set(
      file.path,
      targets.filter(target => known.has(target)),
    )
  }
  return [...known.keys()].flatMap(start => {
    const cycle = shortestCycle(start, edges)
    // Each cycle is met from each of its files; report it from the first in the alphabet.
    if (cycle === undefined || cycle.some(path => path < start)) return []
    const message = `imports itself: ${[...cycle, start].join(' → ')}`
    return [{ rule: 'cycle' as const, path: start, line: 1, what: start, message }]
  })
}

function shortestCycle(start: string, edges: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const cameFrom = new Map<string, string>()
  const queue = [start]
  for (let at = queue.shift(); at !== undefined; at = queue.shift()) {
    for (const next of edges.get(at) ?? []) {
      if (next === start) return pathTo(at, start, cameFrom)
      if (cameFrom.has(next)) continue
      cameFrom.set(next, at)
      queue.push(next)
    }
  }
  return undefined
}

function pathTo(end: string, start: string, cameFrom: ReadonlyMap<string, string>): string[] {
  const path = [end]
  for (let at = end; at !== start; ) {
    at = cameFrom.get(at) as string
    path.unshift(at)
  }
  return path
}

/** `src/brokers/virtual/x.ts` → `brokers`; `src/index.ts` → `index.ts`. */
function roomOf(path: string): string {
  return path.split('/')[1] ?? path
}

function packageOf(specifier: string): string {
  const parts = specifier.split('/')
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] as string)
}

export function isWithin(path: string, places: readonly string[]): boolean {
  return places.some(place => path.startsWith(place))
}
