import type {
  Addition,
  Arrival,
  BackendFeatures,
  ChordPart,
  ResultBackend,
  StoreOptions,
} from '../../backends/backend.js'
import { BackendError } from '../../backends/errors.js'
import type { QuietChord, QuietClaim } from '../../backends/quiet-chord.js'
import type { RevocationLog } from '../../backends/revocation-log.js'
import { Channel } from '../../lib/channel.js'
import type { Ms } from '../../lib/time.js'
import type { GroupId, TaskId } from '../../protocol/ids.js'
import type { GroupMeta, ResultMeta } from '../../protocol/result-meta.js'
import type { SimChannel } from './sim-channel.js'
import type { SimLink } from './sim-link.js'

/**
 * A result backend as a process reaches it over a link. It connects when first needed and again after a loss, as the
 * real ones do; a call whose connection is lost rejects with a transient `BackendError`. `sent` hears of each record that
 * leaves the process.
 */
export function linkedBackend(
  link: SimLink,
  backend: ResultBackend,
  sent: (meta: ResultMeta) => void = () => undefined,
): ResultBackend {
  return new LinkedBackend(link, backend, sent)
}

class LinkedBackend implements ResultBackend {
  readonly url: string
  readonly features: BackendFeatures
  readonly revocations?: RevocationLog
  readonly findIds?: (prefix: string, limit: number) => Promise<readonly TaskId[]>
  readonly claimQuietChords?: (claim: QuietClaim) => Promise<readonly QuietChord[]>
  readonly #link: SimLink
  readonly #backend: ResultBackend
  readonly #sent: (meta: ResultMeta) => void
  readonly #watches = new Set<Channel<ResultMeta>>()
  #channel: SimChannel | undefined
  #closed = false

  constructor(link: SimLink, backend: ResultBackend, sent: (meta: ResultMeta) => void) {
    this.url = backend.url
    this.features = backend.features
    this.#link = link
    this.#backend = backend
    this.#sent = sent
    const find = backend.findIds?.bind(backend)
    if (find !== undefined) this.findIds = (prefix, limit) => this.#call('findIds', () => find(prefix, limit))
    const claim = backend.claimQuietChords?.bind(backend)
    if (claim !== undefined) this.claimQuietChords = how => this.#call('claimQuietChords', () => claim(how))
    const log = backend.revocations
    if (log !== undefined) {
      this.revocations = {
        append: (entries, keep) => this.#call('append', () => log.append(entries, keep)),
        after: (cursor, limit) => this.#call('after', () => log.after(cursor, limit)),
      }
    }
  }

  store(meta: ResultMeta, options: StoreOptions): Promise<'stored' | 'refused'> {
    this.#sent(meta)
    return this.#call('store', backend => backend.store(meta, options))
  }

  fetch(id: TaskId): Promise<ResultMeta | undefined> {
    return this.#call('fetch', backend => backend.fetch(id))
  }

  /** Over a connection of its own, which ends with it. */
  async *watch(ids: readonly TaskId[], signal: AbortSignal): AsyncIterable<ResultMeta> {
    this.#mustBeOpen()
    if (signal.aborted) return
    const channel = this.#link.connect(backendTrouble)
    const news = new Channel<ResultMeta>()
    const there = new AbortController()
    let lost: BackendError | undefined
    channel.onLost(() => {
      lost = backendTrouble('watch', true)
      news.close()
    })
    channel.onGone(() => there.abort())
    const end = (): void => news.close()
    signal.addEventListener('abort', end, { once: true })
    this.#watches.add(news)
    try {
      await channel.call('watch', () => this.#pump(channel, ids, there.signal, news))
      yield* news
      if (lost !== undefined && !signal.aborted) throw lost
    } finally {
      signal.removeEventListener('abort', end)
      this.#watches.delete(news)
      channel.close()
    }
  }

  forget(ids: readonly TaskId[]): Promise<void> {
    return this.#call('forget', backend => backend.forget(ids))
  }

  saveGroup(group: GroupMeta, ttl: Ms | undefined): Promise<void> {
    return this.#call('saveGroup', backend => backend.saveGroup(group, ttl))
  }

  fetchGroup(id: GroupId): Promise<GroupMeta | undefined> {
    return this.#call('fetchGroup', backend => backend.fetchGroup(id))
  }

  forgetGroup(id: GroupId): Promise<void> {
    return this.#call('forgetGroup', backend => backend.forgetGroup(id))
  }

  setChordSize(chord: GroupId, size: number, ttl: Ms | undefined, memo?: string): Promise<void> {
    return this.#call('setChordSize', backend => backend.setChordSize(chord, size, ttl, memo))
  }

  addToChord(chord: GroupId, tasks: readonly TaskId[], ttl: Ms | undefined): Promise<Addition> {
    return this.#call('addToChord', backend => backend.addToChord(chord, tasks, ttl))
  }

  arrive(part: ChordPart, ttl: Ms | undefined): Promise<Arrival> {
    return this.#call('arrive', backend => backend.arrive(part, ttl))
  }

  close(chord: GroupId): Promise<void> {
    return this.#call('close', backend => backend.close(chord))
  }

  cleanup(): Promise<number> {
    return this.#call('cleanup', backend => backend.cleanup())
  }

  /** Ends this process's way to the backend; the backend itself belongs to the world. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    for (const news of this.#watches) news.close()
    this.#channel?.close()
  }

  async #call<T>(verb: string, act: (backend: ResultBackend) => Promise<T>): Promise<T> {
    this.#mustBeOpen()
    return this.#open().call(verb, () => act(this.#backend))
  }

  #mustBeOpen(): void {
    if (!this.#closed) return
    throw new BackendError('LVG_BACKEND_CLOSED', `The result backend ${this.url} was closed.`, { transient: false })
  }

  #open(): SimChannel {
    if (this.#channel?.open !== true) this.#channel = this.#link.connect(backendTrouble)
    return this.#channel
  }

  /** At the backend: starts watching, and sends on what there is to see. */
  #pump(channel: SimChannel, ids: readonly TaskId[], signal: AbortSignal, news: Channel<ResultMeta>): void {
    const follow = async (): Promise<void> => {
      for await (const meta of this.#backend.watch(ids, signal)) channel.push('result', () => void news.push(meta))
      channel.push('end', () => news.close())
    }
    void follow().catch(() => channel.cut())
  }
}

function backendTrouble(verb: string, sent: boolean): BackendError {
  const message = `The simulated connection to the result backend is gone ${sent ? 'while' : 'before'} '${verb}'.`
  return new BackendError('LVG_SIM_CONNECTION', message, { transient: true })
}
