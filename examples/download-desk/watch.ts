import type { AsyncResult, ResultMeta } from 'lovage'
import type { Board } from './board.ts'
import { app } from './tasks.ts'

export interface Watched {
  /** Id of the request. */
  readonly request: string
  readonly package: AsyncResult<unknown>
  readonly mail: AsyncResult<unknown>
}

/** Draws on the board what results say, the moment they say it, until it is stopped. */
export class Watch {
  readonly #stop = new AbortController()
  readonly #done: Promise<void>

  constructor(watched: readonly Watched[], board: Board) {
    this.#done = this.#follow(watched, board)
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#done
  }

  async #follow(watched: readonly Watched[], board: Board): Promise<void> {
    const backend = await app.resultBackend()
    const packages = new Map<string, string>(watched.map(each => [each.package.id, each.request]))
    const mails = new Map<string, string>(watched.map(each => [each.mail.id, each.request]))
    const ids = watched.flatMap(each => [each.package.id, each.mail.id])
    for await (const meta of backend.watch(ids, this.#stop.signal)) {
      const packed = packages.get(meta.taskId)
      const mailed = mails.get(meta.taskId)
      if (packed !== undefined) board.show(packed, word(meta), part(meta))
      else if (mailed !== undefined && meta.status === 'SUCCESS') board.show(mailed, 'mailed', 1)
    }
  }
}

const WORDS: Readonly<Record<string, string>> = {
  PROGRESS: 'packing',
  RETRY: 'trying again soon',
  SUCCESS: 'packed',
  FAILURE: 'impossible',
}

function word({ status }: ResultMeta): string {
  return WORDS[status] ?? status.toLowerCase()
}

/** 0 to 1. The task told `current` and `total`, in bytes. */
function part({ status, result }: ResultMeta): number {
  if (status === 'SUCCESS') return 1
  if (status !== 'PROGRESS') return 0
  const { current, total } = result as { readonly current: number; readonly total: number }
  return Math.min(1, current / total)
}
