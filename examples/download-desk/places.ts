import { join } from 'node:path'

/** Everything the desk writes stands below one folder: the workers' and the client's working directory. */
const work = process.cwd()

export const places = {
  /** Local resources, generated at the first run. */
  resources: join(work, 'resources'),
  /** Finished packages: `<request>.zip`. */
  packages: join(work, 'packages'),
  /** One line per attempt of a task: the truth of what ran. */
  journal: join(work, 'journal.jsonl'),
}
