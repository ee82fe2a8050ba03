import type { AsyncResult, TaskLogLine } from '../../index.js'
import { type Command, defineCommand } from '../command.js'
import { EXIT } from '../exit-code.js'
import { flag } from '../option.js'
import { outside } from '../output.js'

export const logs: Command = defineCommand({
  name: 'logs',
  summary: 'Print what a task has written to its log.',
  description:
    'Prints the last lines that a task has written with currentTask().log, where its worker keeps them (setting taskLogs). Of a task that was tried several times, those of the last attempt.',
  arguments: [{ name: 'id', description: 'Id of the task.', required: true }],
  options: { follow: flag('-f, --follow', 'Go on printing until the task has ended.') },
  examples: [
    { line: 'lovage logs 8f511516-e2f5-4da4-9d2f-0fb83a86e500 -A tasks.ts', does: 'What is kept now.' },
    { line: 'lovage logs 8f511516-e2f5-4da4-9d2f-0fb83a86e500 --follow', does: 'Until the task has ended.' },
  ],
  run: async (context, options, io) => {
    const { app } = await context.loadApp()
    const wanted = app.result(context.arguments['id']?.[0] ?? '')
    if (options.follow) {
      await follow(wanted, line => context.out.result(line, () => [shown(line)]), io.signal)
      return EXIT.ok
    }
    const lines = await wanted.log()
    context.out.result(lines, () => lines.map(shown))
    if (lines.length === 0) {
      context.out.remark(
        'No lines are kept: the task has written none, its worker has taskLogs off, or they have expired.',
      )
    }
    return EXIT.ok
  },
})

async function follow(
  wanted: AsyncResult<unknown>,
  print: (line: TaskLogLine) => void,
  signal: AbortSignal,
): Promise<void> {
  let printed: readonly TaskLogLine[] = []
  for await (const lines of wanted.followLog({ signal })) {
    for (const line of lines.slice(common(printed, lines))) print(line)
    printed = lines
  }
}

/** How many of `lines` were there before: those behind the last line that is known. */
function common(before: readonly TaskLogLine[], lines: readonly TaskLogLine[]): number {
  const last = before.at(-1)
  if (last === undefined) return 0
  return lines.findLastIndex(line => line.at === last.at && line.message === last.message) + 1
}

function shown({ at, level, message }: TaskLogLine): string {
  return `[${new Date(at).toISOString()}: ${outside(level.toUpperCase())}] ${outside(message)}`
}
