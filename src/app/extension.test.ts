import assert from 'node:assert/strict'
import { test } from 'node:test'
import { memoryLog } from '../lib/memory-log.js'
import type { Message } from '../protocol/message.js'
import type { TaskRequest } from '../protocol/request.js'
import { aroundExecute, aroundPublish, type Extension, observeAll } from './extension.js'

const message: Message = { headers: {}, properties: {}, body: new Uint8Array() }
// Extensions are handed the request; nothing here looks into it.
const request = { id: 'a' } as unknown as TaskRequest

function marking(name: string): Extension {
  return {
    name,
    publish: (given, next) =>
      next({ ...given, headers: { ...given.headers, [name]: Object.keys(given.headers).length } }),
  }
}

test('extensions nest: the first one used is outermost, each may hand on another message', async () => {
  const { log } = memoryLog()
  let sent: Message | undefined
  await aroundPublish([marking('first'), marking('second')], log, message, async given => {
    sent = given
  })
  assert.deepEqual(sent?.headers, { first: 0, second: 1 })
})

test('an extension that fails before the publish is left out', async () => {
  const { log, lines } = memoryLog()
  let sent = 0
  const broken: Extension = {
    name: 'broken',
    publish: async () => {
      throw new Error('no')
    },
  }
  await aroundPublish([broken], log, message, async () => {
    sent++
  })
  assert.equal(sent, 1)
  assert.match(lines[0]?.message ?? '', /Extension broken failed: no/)
})

test('an extension that fails after the publish changes nothing about it', async () => {
  const { log, lines } = memoryLog()
  let sent = 0
  const broken: Extension = {
    name: 'broken',
    publish: async (given, next) => {
      await next(given)
      throw new Error('late')
    },
  }
  await aroundPublish([broken], log, message, async () => {
    sent++
  })
  assert.equal(sent, 1)
  assert.equal(lines.length, 1)
})

test('an extension that forgets to go on does not stop the publish', async () => {
  let sent = 0
  await aroundPublish([{ name: 'forgetful', publish: async () => undefined }], memoryLog().log, message, async () => {
    sent++
  })
  assert.equal(sent, 1)
})

test('an extension that goes on twice publishes once', async () => {
  let sent = 0
  const eager: Extension = {
    name: 'eager',
    publish: async (given, next) => {
      await next(given)
      await next(given)
    },
  }
  await aroundPublish([eager], memoryLog().log, message, async () => {
    sent++
  })
  assert.equal(sent, 1)
})

test('the error of the publish itself passes through, and is not blamed on the extension', async () => {
  const { log, lines } = memoryLog()
  const refused = new Error('refused')
  const watching: Extension = { name: 'watching', publish: (given, next) => next(given) }
  await assert.rejects(
    aroundPublish([watching], log, message, () => Promise.reject(refused)),
    refused,
  )
  assert.deepEqual(lines, [])
})

test('around a handler extensions see its value and its error, and change neither', async () => {
  const seen: unknown[] = []
  const watching: Extension = {
    name: 'watching',
    execute: async (given, next) => {
      seen.push(given.id)
      try {
        seen.push(await next())
      } catch (error) {
        seen.push(error)
      }
      return 'mine'
    },
  }
  const { log } = memoryLog()
  assert.equal(await aroundExecute([watching], log, request, async () => 'value'), 'value')
  const boom = new Error('boom')
  await assert.rejects(
    aroundExecute([watching], log, request, () => Promise.reject(boom)),
    boom,
  )
  assert.deepEqual(seen, ['a', 'value', 'a', boom])
})

test('an observer that throws is logged, the others are told all the same', () => {
  const { log, lines } = memoryLog()
  const told: string[] = []
  const observers: readonly Extension[] = [
    {
      name: 'broken',
      observe: () => {
        throw new Error('no')
      },
    },
    { name: 'sound', observe: event => told.push(event.type) },
  ]
  observeAll(observers, log, { type: 'task-started', fields: {} })
  assert.deepEqual(told, ['task-started'])
  assert.equal(lines.length, 1)
})
