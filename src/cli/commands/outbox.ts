import { ConfigError } from '../../index.js'
import { type Command, defineCommand } from '../command.js'
import { EXIT } from '../exit-code.js'

export const outbox: Command = defineCommand({
  name: 'outbox',
  summary: 'Send what waits in the outbox.',
  description:
    'Sends the messages that dispatchOnCommit has put into the outbox (setting outboxUrl) once their transactions have committed, until it is interrupted. The process that put them there does so too, and every worker; this command is for hosts that have neither all the time. Any number may run beside each other.',
  options: {},
  examples: [{ line: 'lovage outbox -A tasks.ts', does: 'Relay until Ctrl-C.' }],
  run: async (context, _options, io) => {
    const { app } = await context.loadApp()
    using relay = app.relayOutbox()
    if (relay === undefined) {
      throw new ConfigError(
        'LVG_NO_OUTBOX',
        'There is no outbox: set `outboxUrl` to the database of your transactions.',
      )
    }
    // Connects, and says what is wrong before it begins to wait.
    await app.broker('write')
    if (!io.signal.aborted) {
      await new Promise<void>(resolve => io.signal.addEventListener('abort', () => resolve(), { once: true }))
    }
    return EXIT.ok
  },
})
