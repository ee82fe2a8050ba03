import { resolve } from 'node:path'
import type { ReceivedEvent } from '../../events/received-event.js'
import type { App, BrokerError } from '../../index.js'
import { loadModule } from '../../lib/node-load-module.js'
import { packageVersion } from '../../lib/node-package-version.js'
import type { Ms } from '../../lib/time.js'
import { receivedMembers } from '../../protocol/received-members.js'
import { type Command, type CommandContext, defineCommand } from '../command.js'
import { doors } from '../doors.js'
import { CommandError } from '../errors.js'
import { cameraOf } from '../events/camera.js'
import { EventDump } from '../events/event-dump.js'
import { Monitor } from '../events/monitor.js'
import type { Reply } from '../events/monitor-view.js'
import { Studio } from '../events/studio.js'
import { EXIT, type ExitCode } from '../exit-code.js'
import type { Io, Terminal } from '../io.js'
import { duration, flag, text } from '../option.js'
import { outside, printDocument } from '../output.js'

const SNAPSHOT = 'Snapshots'

export const events: Command = defineCommand({
  name: 'events',
  summary: 'Watch what happens in the cluster.',
  description:
    'Shows tasks and workers as their events tell of them, live, until Ctrl-C. With --dump every event is a line of text instead, as celery events --dump prints it (with --json: a line of JSON). With --camera a program of your own gets the state of the cluster in intervals. Workers send events about tasks when they were started with -E, or told so by lovage control enable_events.',
  options: {
    dump: flag('-d, --dump', 'Print each event on a line.'),
    camera: text(
      '-c, --camera <module>',
      'Module with a class or object that has onShutter(state); file:name picks one export.',
      {
        section: SNAPSHOT,
      },
    ),
    frequency: duration('-F, --frequency <span>', 'Time between two pictures. Default: 1 s.', {
      alias: '--freq <span>',
      section: SNAPSHOT,
    }),
  },
  examples: [
    {
      line: 'lovage events -A tasks.ts',
      does: 'The live view. j and k select, i, r and t show more, c revokes, l limits.',
    },
    { line: 'lovage events --dump -b redis://localhost', does: 'Each event as a line.' },
    { line: 'lovage events --camera ./camera.ts --freq 10', does: 'Every ten seconds a picture for your own program.' },
  ],
  run: async (context, options, io) => {
    const { app } = await context.loadApp()
    if (options.camera !== undefined)
      return await photograph(app, options.camera, options.frequency ?? 1000, context, io)
    if (options.dump) return await dump(app, context, io)
    const terminal = io.terminal()
    if (terminal === undefined) {
      throw new CommandError(
        'LVG_NO_TERMINAL',
        'The live view needs a terminal. Use --dump to print events as lines.',
        {
          exitCode: EXIT.usage,
        },
      )
    }
    return await watch(app, terminal, context, io)
  },
})

/** Hears events until somebody interrupts; a person's Ctrl-C is no error here. */
async function hear(app: App, io: Io, parts: Hearing): Promise<void> {
  await using receiver = app.events.receive({
    signal: AbortSignal.any([io.signal, ...(parts.stop === undefined ? [] : [parts.stop])]),
    onTrouble: (error, retryIn) => parts.trouble(error, retryIn),
    onListening: () => parts.listening(),
  })
  for await (const heard of receiver) parts.take(heard)
}

interface Hearing {
  readonly stop?: AbortSignal
  take(events: readonly ReceivedEvent[]): void
  trouble(error: BrokerError, retryIn: Ms): void
  listening(): void
}

async function dump(app: App, context: CommandContext, io: Io): Promise<ExitCode> {
  const { out } = context
  const lines = new EventDump()
  const say = (line: string): void => io.stdout.write(`${line}\n`)
  if (!out.json) say('-> evdump: starting capture...')
  await hear(app, io, {
    take: heard => {
      for (const event of heard) {
        say(out.json ? printDocument(receivedMembers(event, event.receivedAt)) : lines.line(event))
      }
    },
    trouble: (error, retryIn) => {
      const seconds = (retryIn / 1000).toFixed(1)
      if (out.json) out.warn(`Cannot reach the broker: ${outside(error.message)} Trying again in ${seconds} s.`)
      else say(`-> Cannot connect: ${outside(error.message)}\nTrying again in ${seconds} seconds.`)
    },
    listening: () => undefined,
  })
  return EXIT.ok
}

async function watch(app: App, terminal: Terminal, context: CommandContext, io: Io): Promise<ExitCode> {
  const stop = new AbortController()
  const monitor = new Monitor({
    terminal,
    clock: app.runtime.clock,
    greeting: `lovage events ${packageVersion()}`,
    color: !context.global.noColor,
    revoke: async id => replies(await app.control.revoke(id, { reply: true })),
    rateLimit: async (task, rate) => replies(await app.control.rateLimit(task, rate, { reply: true })),
  })
  using _screen = monitor.run()
  void monitor.quit.then(() => stop.abort())
  await hear(app, io, {
    stop: stop.signal,
    take: heard => monitor.take(heard),
    trouble: error => monitor.troubled(error.message),
    listening: () => monitor.troubled(undefined),
  })
  return EXIT.ok
}

function replies(given: Readonly<Record<string, unknown>>): readonly Reply[] {
  return Object.entries(given).map(([node, value]) => {
    const reply = (typeof value === 'object' && value !== null ? value : {}) as Readonly<Record<string, unknown>>
    const ok = !('error' in reply)
    return { node, ok, text: outside(ok ? (reply['ok'] ?? '') : reply['error']) }
  })
}

async function photograph(app: App, given: string, every: Ms, { out }: CommandContext, io: Io): Promise<ExitCode> {
  const [file = given, name] = given.split(/:(?=[A-Za-z_$][\w$]*$)/)
  const camera = cameraOf(given, await loadModule(resolve(io.cwd(), file), doors), name)
  out.remark(`-> evcam: Taking snapshots with ${outside(given)} (every ${every / 1000} secs.)`)
  const studio = new Studio(app.runtime, camera)
  using _pictures = studio.start(every)
  await hear(app, io, {
    take: heard => studio.take(heard),
    trouble: error => out.warn(`Cannot reach the broker: ${outside(error.message)}`),
    listening: () => undefined,
  })
  await studio.last()
  return EXIT.ok
}
