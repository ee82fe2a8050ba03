import type { App } from '../app/app.js'
import { chordLife } from '../app/chord-life.js'
import type { ResultBackend } from '../backends/backend.js'
import { jsonStoreCodec } from '../backends/json-store-codec.js'
import type { Runtime } from '../lib/runtime.js'
import { ChordSweep, type ChordSweepParts } from './chord-sweep.js'

/** Undefined where no store counts chords, or `chordSweepInterval` is 0. */
export function createChordSweep(
  { settings, limits }: Pick<App, 'settings' | 'limits'>,
  runtime: Runtime,
  backend: ResultBackend | undefined,
  perform: ChordSweepParts['perform'],
): ChordSweep | undefined {
  const { chordTimeout: timeout, chordSweepInterval: interval } = settings
  if (backend?.claimQuietChords === undefined || interval === 0) return undefined
  const codec = jsonStoreCodec(limits)
  return new ChordSweep({ runtime, backend, codec, timeout, interval, chordLife: chordLife(settings), perform })
}
