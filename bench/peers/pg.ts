import type pg from 'pg'
import { loadPeer } from './install.js'

export function loadPg(): typeof pg {
  return loadPeer('pg') as typeof pg
}
