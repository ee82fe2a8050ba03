import type { AsyncResult, CallOptions } from '../../index.js'
import { type Command, type CommandContext, defineCommand } from '../command.js'
import { UsageError } from '../errors.js'
import { EXIT } from '../exit-code.js'
import type { Io } from '../io.js'
import { readJsonArgument } from '../json-argument.js'
import { duration, flag, integer, text } from '../option.js'
import { outside } from '../output.js'

export const call: Command = defineCommand({
  name: 'call',
  summary: 'Send a task, and wait for its result if wanted.',
  description:
    'Sends a task by name and prints its id. The task need not be known here: a worker in any language runs it. Values are JSON; @file reads a file and - standard input. Nothing is sent when any of it cannot be understood.',
  arguments: [{ name: 'task', description: 'Name of the task, such as img.resize.', required: true }],
  options: {
    args: text('-a, --args <json>', 'Positional arguments: a JSON array.'),
    kwargs: text('-k, --kwargs <json>', 'Keyword arguments: a JSON object. For tasks in Python, or with `params`.'),
    countdown: text('--countdown <span>', 'Run that long from now: seconds, or 250ms, 5m, 2h.'),
    eta: text('--eta <time>', 'Run not before this time (ISO 8601).'),
    expires: text('--expires <when>', 'Do not run later than this: a span from now, or a time (ISO 8601).'),
    queue: text('--queue <name>', 'Send to this queue.', { section: 'Routing' }),
    exchange: text('--exchange <name>', 'Send to this exchange.', { section: 'Routing' }),
    routingKey: text('--routing-key <key>', 'With this routing key.', { section: 'Routing' }),
    priority: integer('--priority <n>', '0 to 255, higher first.', { min: 0, max: 255, section: 'Routing' }),
    id: text('--id <id>', 'Id of the task. Default: a new one.'),
    serializer: text('--serializer <name>', 'How the arguments are written. Default: the setting taskSerializer.'),
    compression: text('--compression <name>', 'How the body is compressed.'),
    shadow: text('--shadow <name>', "Name shown in logs and events instead of the task's."),
    header: text('--headers <json>', 'Message headers of your own: a JSON object.'),
    timeLimit: text('--time-limit <span>', 'End the task after this time.'),
    softTimeLimit: text('--soft-time-limit <span>', 'Interrupt the task after this time.'),
    ignoreResult: flag('--ignore-result', 'Do not store the result.'),
    wait: flag('-w, --wait', 'Wait for the result and print it.', { section: 'Result' }),
    timeout: duration('--timeout <span>', 'Wait at most this long. Default: as long as it takes.', {
      section: 'Result',
    }),
  },
  examples: [
    { line: "lovage call tasks.add --args '[2, 3]' --wait", does: 'Send, wait, print 5.' },
    { line: 'lovage call mail.send --kwargs \'{"to": "a@example.com"}\' --countdown 5m', does: 'In five minutes.' },
    { line: 'lovage call img.resize --args @args.json --queue images', does: 'Arguments from a file, to a queue.' },
  ],
  run: async (context, options, io) => {
    const task = context.arguments['task']?.[0] ?? ''
    const args = options.args === undefined ? [] : await readJsonArgument('--args', options.args, io)
    if (!Array.isArray(args))
      throw new UsageError("option --args must be a JSON array, such as '[2, 3]'. Nothing was sent.")
    const call: CallOptions = {
      kwargs: await readObject('--kwargs', options.kwargs, io),
      headers: await readObject('--headers', options.header, io),
      countdown: options.countdown,
      eta: options.eta,
      expires: options.expires,
      queue: options.queue,
      exchange: options.exchange,
      routingKey: options.routingKey,
      priority: options.priority,
      taskId: options.id,
      serializer: options.serializer,
      compression: options.compression,
      shadow: options.shadow,
      timeLimit: options.timeLimit,
      softTimeLimit: options.softTimeLimit,
      ignoreResult: options.ignoreResult ? true : undefined,
      signal: io.signal,
    }
    const { app } = await context.loadApp()
    const result = await app.sendTask(task, args, call)
    if (!options.wait) {
      context.out.result({ id: result.id, task }, () => [result.id])
      return EXIT.ok
    }
    context.out.remark(`task ${result.id}`)
    return await printResult(context, task, result, options.timeout, io)
  },
})

async function printResult(
  context: CommandContext,
  task: string,
  result: AsyncResult<unknown>,
  timeout: number | undefined,
  io: Io,
): Promise<number> {
  const value = await result.get({ signal: io.signal, ...(timeout === undefined ? {} : { timeout: `${timeout}ms` }) })
  context.out.result({ id: result.id, task, state: 'SUCCESS', result: value ?? null }, () => [outside(value ?? null)])
  return EXIT.ok
}

async function readObject(
  option: string,
  given: string | undefined,
  io: Io,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  if (given === undefined) return undefined
  const value = await readJsonArgument(option, given, io)
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Readonly<Record<string, unknown>>
  throw new UsageError(`option ${option} must be a JSON object, such as '{"name": "value"}'. Nothing was sent.`)
}
