import type { RedisReply } from '../../drivers/redis/redis-connection.js'
import { asBuffer } from '../../lib/as-buffer.js'
import type { Ms } from '../../lib/time.js'
import type { Codec } from '../../protocol/codec.js'
import { decodeChordPart, encodeChordPart, type ResultEncoding } from '../../protocol/encode-result.js'
import type { GroupId, TaskId } from '../../protocol/ids.js'
import type { ResultMeta } from '../../protocol/result-meta.js'
import type { Addition, Arrival, ChordPart } from '../backend.js'
import { partsInTree } from '../chord-tree.js'
import { CLOSED_CHORD_TTL } from '../closed-chord-ttl.js'
import { completeCount, type QuietChord, type QuietClaim } from '../quiet-chord.js'
import type { RedisGroups } from './redis-groups.js'
import type { RedisLines } from './redis-lines.js'
import type { RedisRecords } from './redis-records.js'
import type { ResultKeys } from './result-keys.js'

export interface RedisChordsParts {
  readonly lines: Pick<RedisLines, 'run' | 'set'>
  readonly keys: ResultKeys
  readonly codec: Codec
  readonly encoding: ResultEncoding
  /** Parts stand in the order of their tasks: a sorted set, not a list. */
  readonly ordered: boolean
  readonly groups: Pick<RedisGroups, 'fetch'>
  readonly records: Pick<RedisRecords, 'fetchAll'>
}

/** Counts the parts of chords, together with Python. */
export class RedisChords {
  readonly #parts: RedisChordsParts

  constructor(parts: RedisChordsParts) {
    this.#parts = parts
  }

  async setSize(chord: GroupId, size: number, ttl: Ms | undefined, memo: string | undefined): Promise<void> {
    const { lines, keys } = this.#parts
    const [, , sizeKey, closed, quiet, kept] = keys.chordKeys(chord)
    const doing = 'telling the size of a chord'
    if (memo === undefined) await lines.set(doing, sizeKey, size, ttl)
    else await lines.run(doing, 'open-chord', [sizeKey, closed, quiet, kept], [chord, size, ttl ?? 0, memo])
  }

  async claimQuiet({ quiet, hold, most, limit }: QuietClaim): Promise<readonly QuietChord[]> {
    const { lines, keys } = this.#parts
    const names = [...keys.quiet, keys.group]
    const answer = await lines.run('looking for quiet chords', 'claim-quiet', names, [quiet, hold, most, limit])
    return await Promise.all((answer as readonly RedisReply[][]).map(found => this.#quiet(found)))
  }

  async add(chord: GroupId, tasks: readonly TaskId[], ttl: Ms | undefined): Promise<Addition> {
    const { lines, keys } = this.#parts
    const words = [chord, ttl ?? 0, this.#kind, ...tasks]
    const answer = await lines.run('adding to a chord', 'add-to-chord', keys.chordKeys(chord), words)
    return answer === 1 ? 'added' : 'over'
  }

  async arrive({ chord, index, taskId, meta }: ChordPart, ttl: Ms | undefined): Promise<Arrival> {
    const { lines, keys, codec, encoding } = this.#parts
    const part = asBuffer(encodeChordPart(meta, codec, encoding))
    const words = [part, taskId, index ?? '', ttl ?? 0, this.#kind, chord]
    const answer = await lines.run('counting a chord', 'arrive', keys.chordKeys(chord), words)
    if (answer === -1) return { kind: 'closed' }
    if (!Array.isArray(answer)) return { kind: 'waiting' }
    return { kind: 'complete', parts: await this.#complete(chord, answer) }
  }

  async close(chord: GroupId): Promise<void> {
    const { lines, keys } = this.#parts
    await lines.run('closing a chord', 'close', keys.chordKeys(chord), [CLOSED_CHORD_TTL, chord])
  }

  /** Of the key in which parts are kept. */
  get #kind(): 'list' | 'zset' {
    return this.#parts.ordered ? 'zset' : 'list'
  }

  async #quiet(found: readonly RedisReply[]): Promise<QuietChord> {
    const [id, memo, quiet, size, state, parts] = found
    // The script names what it found under the names that were given.
    const chord = String(id) as GroupId
    const list = parts as readonly RedisReply[]
    const told = { chord, memo: String(memo), quiet: Number(quiet) }
    if (String(state) === 'waiting') {
      const arrived = list.map(String).filter(text => text !== '') as readonly string[] as readonly TaskId[]
      return { ...told, count: { kind: 'waiting', size: Number(size), arrived } }
    }
    return { ...told, count: await completeCount(() => this.#complete(chord, list), String(state) === 'foreign') }
  }

  async #complete(chord: GroupId, members: readonly RedisReply[]): Promise<readonly ResultMeta[]> {
    const { groups, records, codec, encoding } = this.#parts
    const saved = await groups.fetch(chord)
    const parts = members.map(one => decodeChordPart(one as Buffer, codec, encoding))
    return saved === undefined ? parts : await partsInTree(parts, saved, ids => records.fetchAll(ids))
  }
}
