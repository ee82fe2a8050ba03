import type { Command, CommandGroup } from './command.js'
import { call } from './commands/call.js'
import { config } from './commands/config.js'
import { deadList } from './commands/dead-list.js'
import { deadPurge } from './commands/dead-purge.js'
import { deadRequeue } from './commands/dead-requeue.js'
import { deadShow } from './commands/dead-show.js'
import { init } from './commands/init.js'
import { listBindings } from './commands/list-bindings.js'
import { purge } from './commands/purge.js'
import { queues } from './commands/queues.js'
import { report } from './commands/report.js'
import { result } from './commands/result.js'
import { sqliteRecover } from './commands/sqlite-recover.js'
import { worker } from './commands/worker.js'

/** Every command, in the order of `lovage --help`. */
export const COMMANDS: readonly (Command | CommandGroup)[] = [
  init,
  worker,
  call,
  result,
  queues,
  purge,
  {
    kind: 'group',
    name: 'dead',
    summary: 'Look after messages that could not be run.',
    description:
      'Messages that are malformed, poison, rejected or meant for no known task are kept beside their queue, in <queue>.dead. These commands list them, show them, put them back and drop them.',
    commands: [deadList, deadShow, deadRequeue, deadPurge],
  },
  {
    kind: 'group',
    name: 'list',
    summary: 'List what the broker has.',
    description: 'Lists parts of the broker. For queues see lovage queues.',
    commands: [listBindings],
  },
  config,
  report,
  {
    kind: 'group',
    name: 'sqlite',
    summary: 'Look after the file of the embedded broker.',
    description: 'Maintenance of the SQLite file in which the embedded broker keeps its messages.',
    commands: [sqliteRecover],
  },
]
