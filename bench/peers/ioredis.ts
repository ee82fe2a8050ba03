import type { Redis } from 'ioredis'
import { loadPeer } from './install.js'

/** The bare client of the rows against Redis. */
export function loadIoredis(): typeof Redis {
  return (loadPeer('ioredis') as { readonly Redis: typeof Redis }).Redis
}
