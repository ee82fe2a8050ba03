import type { AmqpShell } from '../../brokers/amqp/amqp-shell.js'
import type { App } from '../../index.js'
import { LovageError } from '../../lib/errors.js'
import { splitWords } from '../amqp/split-words.js'
import { runVerb, VERBS } from '../amqp/verbs.js'
import { type Command, type CommandContext, defineCommand } from '../command.js'
import { UsageError } from '../errors.js'
import { EXIT, type ExitCode } from '../exit-code.js'
import type { Io } from '../io.js'
import { outside } from '../output.js'

export const amqp: Command = defineCommand({
  name: 'amqp',
  summary: "Speak AMQP with RabbitMQ: one verb, or a shell of one's own.",
  description: [
    "With words it carries out that verb and ends; without any it reads verbs line by line until the end of input or 'exit'. Flags are yes or no, in order.",
    ...VERBS.map(({ name, usage, does }) => `${name} ${usage}: ${does}`),
  ].join('\n\n'),
  arguments: [{ name: 'words', description: 'The verb and its arguments.', required: false, variadic: true }],
  options: {},
  examples: [
    { line: 'lovage amqp queue.declare mail no yes -b amqp://', does: 'Make a durable queue.' },
    { line: 'lovage amqp queue.delete mail -A tasks.ts', does: 'Delete it, with the broker of an app.' },
    { line: 'lovage amqp -b amqp://guest:guest@localhost//', does: 'Start the shell.' },
  ],
  run: async (context, _options, io) => {
    const { app } = await context.loadApp()
    await using shell = await openShell(app, io)
    const words = context.arguments['words'] ?? []
    if (words.length === 0) return await converse(shell, context, io)
    const { data, text } = await runVerb(shell, words)
    context.out.result(data, () => text.split('\n').map(outside))
    return EXIT.ok
  },
})

async function openShell(app: App, io: Io): Promise<AmqpShell> {
  const { host } = app.runtime
  const broker = await app.broker()
  const { AmqpBroker } = await import('../../brokers/amqp/amqp-broker.js')
  if (!(broker instanceof AmqpBroker)) {
    throw new UsageError(
      `lovage amqp speaks to one RabbitMQ, and the broker is ${broker.url}. Name one with -b amqp://…; for other brokers there are lovage queues, purge and list.`,
    )
  }
  return await broker.openShell(`lovage${host.pid}@${host.name}`, io.signal)
}

/** An error of one line does not end the conversation; where nobody sits, it does. */
async function converse(shell: AmqpShell, { out }: CommandContext, io: Io): Promise<ExitCode> {
  const prompt = io.isTty.stdin && io.isTty.stdout ? '> ' : ''
  for (;;) {
    io.stdout.write(prompt)
    const line = await io.stdin.readLine()
    const words = splitWords(line ?? 'exit')
    const [first] = words
    if (first === undefined) continue
    if (first === 'exit' || first === 'quit' || first === 'disconnect') return EXIT.ok
    if (first === 'help') {
      io.stdout.write(`${help()}\n`)
      continue
    }
    try {
      const { data, text } = await runVerb(shell, words)
      out.result(data, () => text.split('\n').map(outside))
    } catch (error) {
      if (prompt === '' || !(error instanceof LovageError)) throw error
      io.stderr.write(`${error.code}: ${outside(error.message)}\n`)
    }
  }
}

function help(): string {
  return [...VERBS.map(({ name, usage, does }) => `${name} ${usage}\n    ${does}`), 'help', 'exit'].join('\n')
}
