import type { App } from '../../../src/app/app.js'
import type { CallOptions } from '../../../src/app/call-options.js'
import type { Ms } from '../../../src/lib/time.js'
import type { GroupId, TaskName } from '../../../src/protocol/ids.js'
import type { Message } from '../../../src/protocol/message.js'
import type { Signature } from '../../../src/protocol/signature.js'
import type { Behaviour } from './behaviours.js'
import { taskOf } from './behaviours.js'
import { partIds } from './intended.js'
import type { Call } from './plan.js'

/** One message of a call: with its id, so that each has a fate of its own. */
export interface Sending {
  readonly id: string
  readonly client: string
  readonly at: Ms
  /** Sent again until it is accepted. */
  readonly stubborn: boolean
  send(app: App): Promise<unknown>
}

/** The messages that a client publishes for a call. */
export function sendings(call: Call): readonly Sending[] {
  const { id, shape } = call
  switch (shape.kind) {
    case 'single':
      if (call.behaviour === 'malformed') return [malformed(call)]
      return [one(call, id, call.behaviour, {})]
    case 'links':
      return [one(call, id, call.behaviour, { link: sigs(call, 'link', shape.count) })]
    case 'errback':
      return [one(call, id, call.behaviour, { linkError: sig(`${id}.errback`, call.queue) })]
    case 'chain':
      // The last element runs next.
      return [one(call, id, call.behaviour, { chain: sigs(call, 'step', shape.length - 1).toReversed() })]
    case 'chord':
      return chord(call, shape.parts)
    default:
      return shape satisfies never
  }
}

function chord(call: Call, parts: number): readonly Sending[] {
  const groupId = `${call.id}.chord`
  const body = sig(`${call.id}.body`, call.queue)
  return partIds(call, parts).map((id, groupIndex) => {
    const behaviour = groupIndex === parts - 1 ? call.behaviour : 'plain'
    const part = one(call, id, behaviour, { groupId, groupIndex, chord: body })
    return {
      ...part,
      send: async app => {
        const backend = await app.backend()
        await backend?.setChordSize(groupId as GroupId, parts, undefined)
        await part.send(app)
      },
    }
  })
}

function one(call: Call, id: string, behaviour: Behaviour, shape: CallOptions): Sending {
  const { queue, priority, countdown, expires, ignored, late, n, client, at, stubborn } = call
  return {
    ...{ id, client, at, stubborn },
    send: app =>
      app.sendTask(taskOf(behaviour, late), [n], {
        taskId: id,
        queue,
        ...(priority === undefined ? {} : { priority }),
        ...(countdown === undefined ? {} : { countdown: `${countdown}ms` }),
        ...(expires === undefined ? {} : { expires: `${expires}ms` }),
        ...(ignored ? { ignoreResult: true } : {}),
        ...shape,
      }),
  }
}

/** What decoding refuses: no JSON, no arguments, arguments that are none, a body in an encoding that nobody has. */
const BODIES: readonly (readonly [body: string, contentEncoding: string])[] = [
  ['{"args": [1', 'utf-8'],
  ['', 'utf-8'],
  ['[1, 2, 3]', 'utf-8'],
  ['[[], {}, {}]', 'klingon'],
]

/** As somebody who is not of Lovage sends it: past everything that checks a call. */
function malformed({ id, client, at, stubborn, n, queue }: Call): Sending {
  const [body, contentEncoding] = BODIES[n % BODIES.length] as (typeof BODIES)[number]
  const message: Message = {
    headers: { task: taskOf('plain', true), id, retries: 0 },
    properties: { contentType: 'application/json', contentEncoding },
    body: Buffer.from(body),
  }
  return {
    ...{ id, client, at, stubborn },
    send: async app => {
      const connection = await (await app.broker()).connect({ name: client })
      try {
        await connection.publish(message, { exchange: '', routingKey: queue }, { publishId: id })
      } finally {
        await connection[Symbol.asyncDispose]()
      }
    },
  }
}

function sigs(call: Call, kind: string, count: number): readonly Signature[] {
  return Array.from({ length: count }, (_, i) => sig(`${call.id}.${kind}${i + 1}`, call.queue))
}

function sig(id: string, queue: string): Signature {
  return {
    task: taskOf('plain', true) as TaskName,
    args: [],
    kwargs: {},
    options: { task_id: id, queue },
    subtaskType: null,
    immutable: false,
  }
}
