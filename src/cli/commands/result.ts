import type { ResultMeta } from '../../protocol/result-meta.js'
import { type Command, defineCommand } from '../command.js'
import { CommandError } from '../errors.js'
import { EXIT } from '../exit-code.js'
import { duration, flag } from '../option.js'
import { outside } from '../output.js'

export const result: Command = defineCommand({
  name: 'result',
  summary: "Print a task's result.",
  description:
    'Prints the value of a task that succeeded, or the state and error of one that did not. PENDING means that nothing is known of the id: the task has not started, does not exist, or its result has expired. Exit status: 0 for success and for tasks that have not ended, 1 for failed and revoked ones.',
  arguments: [{ name: 'id', description: 'Id of the task.', required: true }],
  options: {
    traceback: flag('--traceback', 'Print the traceback instead.'),
    wait: flag('-w, --wait', 'Wait until the task has ended.'),
    timeout: duration('--timeout <span>', 'Wait at most this long. Default: as long as it takes.'),
  },
  examples: [
    { line: 'lovage result 8f511516-e2f5-4da4-9d2f-0fb83a86e500 -A tasks.ts', does: 'What is stored now.' },
    {
      line: 'lovage result 8f511516-e2f5-4da4-9d2f-0fb83a86e500 --wait --json',
      does: 'Wait, then all that is stored, as JSON.',
    },
  ],
  run: async (context, options, io) => {
    const { app } = await context.loadApp()
    const wanted = app.result(context.arguments['id']?.[0] ?? '')
    if (options.wait) {
      const timeout = options.timeout === undefined ? undefined : `${options.timeout}ms`
      await wanted.get({ signal: io.signal, timeout, propagate: false })
    }
    const meta = await wanted.meta()
    context.out.result(document(meta), () => (options.traceback ? [...traceback(meta)] : lines(meta)))
    return meta.status === 'FAILURE' || meta.status === 'REVOKED' ? EXIT.error : EXIT.ok
  },
})

function document({ taskId: id, status: state, result, error, traceback, dateDone }: ResultMeta): unknown {
  return { id, state, result, error, traceback, dateDone }
}

function lines(meta: ResultMeta): readonly string[] {
  if (meta.status === 'SUCCESS') return [outside(meta.result ?? null)]
  if (meta.error !== undefined) return [`${outside(meta.status)}: ${outside(errorText(meta))}`]
  return [
    meta.result === undefined || meta.result === null
      ? outside(meta.status)
      : `${outside(meta.status)}: ${outside(meta.result)}`,
  ]
}

function errorText({ error }: ResultMeta): string {
  const args = (error?.args ?? []).map(arg => (typeof arg === 'string' ? arg : outside(arg)))
  return args.length === 0 ? (error?.type ?? '') : `${error?.type}: ${args.join(', ')}`
}

function traceback(meta: ResultMeta): readonly string[] {
  if (meta.traceback === undefined) {
    throw new CommandError(
      'LVG_NO_TRACEBACK',
      'No traceback is stored: the task has not failed, or nothing is known of it.',
      { exitCode: EXIT.error },
    )
  }
  return meta.traceback.split('\n').map(outside)
}
