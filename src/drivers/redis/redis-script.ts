import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** A Lua script and the name that Redis knows it by. */
export interface RedisScript {
  readonly name: string
  readonly text: string
  readonly sha1: string
  /** The same for servers from version 7 on, allowed although their memory is full: it makes room in the end. */
  readonly drains: { readonly text: string; readonly sha1: string } | undefined
}

const ALLOWED_WHEN_FULL = '#!lua flags=allow-oom\n'

/**
 * Reads `.lua` files, one per verb: `loadScripts(new URL('./lua/', import.meta.url), ['claim'])`. `draining`: those that must
 * work although the server's memory is full.
 */
export function loadScripts<Name extends string>(
  folder: URL,
  names: readonly Name[],
  draining: readonly Name[] = [],
): Readonly<Record<Name, RedisScript>> {
  const scripts: Partial<Record<Name, RedisScript>> = {}
  for (const name of names) {
    const text = readFileSync(new URL(`${name}.lua`, folder), 'utf8')
    const drains = draining.includes(name) ? named(ALLOWED_WHEN_FULL + text) : undefined
    scripts[name] = { name, ...named(text), drains }
  }
  // Every name was just given its script.
  return scripts as Record<Name, RedisScript>
}

function named(text: string): { readonly text: string; readonly sha1: string } {
  return { text, sha1: createHash('sha1').update(text).digest('hex') }
}
