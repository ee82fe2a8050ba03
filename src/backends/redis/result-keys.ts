import type { GroupId, TaskId } from '../../protocol/ids.js'

/** Celery's names, and ours for what it does not keep. Source: celery/backends/base.py `get_key_for_task`, redis.py. */
export class ResultKeys {
  readonly task: string
  readonly fence: string
  /** Entries by number, entries by their end, and the last number. */
  readonly revocations: readonly [string, string, string]
  /** Open chords by when they were heard of, and the beginning of what is kept of each. */
  readonly quiet: readonly [string, string]
  readonly #group: string
  readonly #closed: string

  /** `prefix`: transport option `globalKeyprefix`. Source: celery/backends/base.py `_add_global_keyprefix`. */
  constructor(prefix: string) {
    const before = prefix === '' || /[:_.-]$/.test(prefix) ? prefix : `${prefix}_`
    this.task = `${before}celery-task-meta-`
    this.fence = `${before}lovage.fence.`
    this.revocations = [`${before}lovage.revoked`, `${before}lovage.revoked.until`, `${before}lovage.revoked.last`]
    this.quiet = [`${before}lovage.chords`, `${before}lovage.chord.`]
    this.#group = `${before}celery-taskset-meta-`
    this.#closed = `${before}lovage.closed.`
  }

  /** Also the channel on which the record is published. */
  taskKey(id: TaskId): string {
    return this.task + id
  }

  taskOf(key: string): TaskId {
    // It is the key of one.
    return key.slice(this.task.length) as TaskId
  }

  fenceKey(id: TaskId): string {
    return this.fence + id
  }

  /** What stands before a group's id. */
  get group(): string {
    return this.#group
  }

  groupKey(id: GroupId): string {
    return this.#group + id
  }

  /**
   * Parts, number of parts added later, number of header tasks, our mark that it is over; open chords, what is kept of it, which
   * tasks were added.
   */
  chordKeys(id: GroupId): readonly [string, string, string, string, string, string, string] {
    const key = this.groupKey(id)
    const kept = this.quiet[1] + id
    return [`${key}.j`, `${key}.t`, `${key}.s`, this.#closed + id, this.quiet[0], kept, `${kept}.added`]
  }
}
