import type { Command, CommandGroup } from './command.js'
import { amqp } from './commands/amqp.js'
import { beat } from './commands/beat.js'
import { call } from './commands/call.js'
import { config } from './commands/config.js'
import { control } from './commands/control.js'
import { deadList } from './commands/dead-list.js'
import { deadPurge } from './commands/dead-purge.js'
import { deadRequeue } from './commands/dead-requeue.js'
import { deadShow } from './commands/dead-show.js'
import { events } from './commands/events.js'
import { explain } from './commands/explain.js'
import { graph } from './commands/graph.js'
import { init } from './commands/init.js'
import { inspect } from './commands/inspect.js'
import { listBindings } from './commands/list-bindings.js'
import { logs } from './commands/logs.js'
import { migrate } from './commands/migrate.js'
import { outbox } from './commands/outbox.js'
import { purge } from './commands/purge.js'
import { queues } from './commands/queues.js'
import { report } from './commands/report.js'
import { result } from './commands/result.js'
import { scheduleAdd } from './commands/schedule-add.js'
import { scheduleEdit } from './commands/schedule-edit.js'
import { scheduleList } from './commands/schedule-list.js'
import { scheduleNext } from './commands/schedule-next.js'
import { schedulePause } from './commands/schedule-pause.js'
import { scheduleRemove } from './commands/schedule-remove.js'
import { scheduleResume } from './commands/schedule-resume.js'
import { scheduleRunNow } from './commands/schedule-run-now.js'
import { scheduleShow } from './commands/schedule-show.js'
import { sqliteRecover } from './commands/sqlite-recover.js'
import { status } from './commands/status.js'
import { worker } from './commands/worker.js'
import { workflowCancel } from './commands/workflow-cancel.js'
import { workflowList } from './commands/workflow-list.js'
import { workflowResume } from './commands/workflow-resume.js'
import { workflowShow } from './commands/workflow-show.js'

/** Every command, in the order of `lovage --help`. */
export const COMMANDS: readonly (Command | CommandGroup)[] = [
  init,
  worker,
  beat,
  {
    kind: 'group',
    name: 'schedule',
    summary: 'Look at the schedule, and change it while beats run.',
    description:
      'Entries of the code and stored ones live side by side. What is changed here is stored, and heeded within a second by the beat that leads.',
    commands: [
      scheduleList,
      scheduleShow,
      scheduleAdd,
      scheduleEdit,
      schedulePause,
      scheduleResume,
      scheduleRemove,
      scheduleRunNow,
      scheduleNext,
    ],
  },
  call,
  result,
  logs,
  explain,
  graph,
  status,
  inspect,
  control,
  events,
  queues,
  purge,
  migrate,
  outbox,
  {
    kind: 'group',
    name: 'workflow',
    summary: 'Look after canvases that were sent.',
    description:
      'Canvases (chains, groups, chords, graphs) are kept in the result backend where their senders have trackWorkflows. These commands list them, show how far each has come, go on with those that stand still, and revoke them as a whole.',
    commands: [workflowList, workflowShow, workflowResume, workflowCancel],
  },
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
  amqp,
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
