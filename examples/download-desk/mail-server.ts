import { text } from 'node:stream/consumers'
import { SMTPServer } from 'smtp-server'

export interface Mail {
  readonly to: string
  readonly messageId: string
  readonly body: string
}

/** A real SMTP server that keeps what it gets, and, as real ones do, turns the first callers away. */
export class MailServer implements AsyncDisposable {
  readonly mails: Mail[] = []
  readonly #server: SMTPServer
  #refusals: number

  constructor(refusals: number) {
    this.#refusals = refusals
    this.#server = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS', 'AUTH'],
      onMailFrom: (_address, _session, done) => {
        if (this.#refusals-- <= 0) return done()
        return done(Object.assign(new Error('greylisted, try again later'), { responseCode: 451 }))
      },
      onData: (stream, session, done) => {
        text(stream).then(body => {
          const messageId = /^message-id:\s*(\S+)/im.exec(body)?.[1] ?? ''
          for (const { address } of session.envelope.rcptTo) this.mails.push({ to: address, messageId, body })
          done()
        }, done)
      },
    })
  }

  /** Resolves to its port. */
  async start(): Promise<number> {
    await new Promise<void>(resolve => this.#server.listen(0, '127.0.0.1', resolve))
    const address = this.#server.server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>(resolve => this.#server.close(() => resolve()))
  }
}
