import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { test } from 'node:test'
import { service } from '../../../src/drivers/amqp/heartbeat-service.js'
import { descriptorOf, KeptAlive, share } from '../../../src/drivers/amqp/kept-alive.js'
import { Pen } from '../../../src/drivers/amqp/pen.js'
import { nodeRuntime } from '../../../src/lib/node-runtime.js'
import { standStill } from '../../../src/lib/stand-still.js'
import { HandClock } from '../../support/hand-clock.js'
import { eventually } from '../../support/services/rabbitmq.js'

const HEARTBEAT = Buffer.of(8, 0, 0, 0, 0, 0, 0, 0xce)
/** Seconds: so short that the thread writes whenever it may. */
const SHORT = 0.01

const needsDescriptors = process.platform === 'win32' ? { skip: 'sockets have no descriptors on Windows' } : {}

/** Makes connections to itself. */
class Pairs implements AsyncDisposable {
  readonly #server: Server = createServer().listen(0, '127.0.0.1')
  readonly #sockets: Socket[] = []

  async next(): Promise<{ readonly near: Socket; readonly far: Socket }> {
    if (!this.#server.listening) await once(this.#server, 'listening')
    const near = connect((this.#server.address() as { readonly port: number }).port, '127.0.0.1')
    const [[far]] = await Promise.all([once(this.#server, 'connection') as Promise<[Socket]>, once(near, 'connect')])
    for (const socket of [near, far]) this.#sockets.push(socket.on('error', () => undefined))
    return { near, far }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
  }
}

test(
  'D24 heartbeats come while the loop is blocked, and stand between frames, whatever is written',
  needsDescriptors,
  async () => {
    await using pairs = new Pairs()
    const { near, far } = await pairs.next()
    const got: Buffer[] = []
    far.on('data', chunk => got.push(chunk))
    await using _kept = new KeptAlive(near, descriptorOf(near) as number, SHORT)
    // More than the system takes at once, so that heartbeats could stand in the middle of one.
    const frames = Array.from({ length: 30 }, (_, n) => Buffer.alloc(10 + n * 200_000, n + 100))
    for (const frame of frames) {
      near.write(frame)
      standStill(20)
      await new Promise(resolve => setImmediate(resolve))
    }
    const size = frames.reduce((sum, { length }) => sum + length, 0)
    await eventually('all of it', () => got.reduce((sum, { length }) => sum + length, 0) >= size)
    near.end()
    await once(far, 'end')
    let rest = Buffer.concat(got)
    let beats = 0
    for (const frame of [...frames, Buffer.alloc(0)]) {
      for (; rest.subarray(0, 8).equals(HEARTBEAT); rest = rest.subarray(8)) beats++
      assert.ok(rest.subarray(0, frame.length).equals(frame), `frame of ${frame[0]}`)
      rest = rest.subarray(frame.length)
    }
    assert.equal(rest.length, 0)
    assert.ok(beats >= 5, `${beats} heartbeats`)
    far.destroy()
  },
)

test('a socket that closes takes its descriptor out of the thread’s hands', needsDescriptors, async () => {
  await using pairs = new Pairs()
  const { near, far } = await pairs.next()
  const fd = descriptorOf(near) as number
  const pen = new Pen()
  share(near, pen)
  const clock = new HandClock()
  const world = { clock, random: nodeRuntime().random, monotonic: () => clock.steady(), emit: () => undefined }
  await using _service = service({ fd, pen: pen.memory, seconds: 1 }, world)
  await clock.pass(500)
  assert.deepEqual((await once(far, 'data'))[0], HEARTBEAT)
  near.destroy()
  // The system gives its number to the next one.
  const next = await pairs.next()
  assert.equal(descriptorOf(next.near), fd)
  await clock.pass(10_000)
  next.near.end('only this')
  assert.equal(String((await once(next.far, 'data'))[0]), 'only this')
})

test('who holds the pen keeps the other from writing, and a broken one nobody gets', () => {
  const pen = new Pen()
  const borrowed = (): boolean => {
    let wrote = false
    new Pen(pen.memory).borrow(() => {
      wrote = true
      return true
    })
    return wrote
  }
  assert.equal(borrowed(), true)
  assert.equal(pen.take(), true)
  assert.equal(borrowed(), false)
  pen.put()
  assert.equal(borrowed(), true)
  assert.equal(pen.turns, 1)
  pen.break()
  assert.equal(borrowed(), false)
  assert.equal(pen.take(), false)
})

test('a heartbeat that could not be ended breaks the pen', () => {
  const pen = new Pen()
  pen.borrow(() => false)
  assert.equal(pen.take(), false)
})

test('a silent peer is told after two to three intervals', needsDescriptors, async () => {
  await using pairs = new Pairs()
  const { near, far } = await pairs.next()
  await using kept = new KeptAlive(near, descriptorOf(near) as number, 0.2)
  near.on('readable', () => near.read())
  let told = false
  void kept.lost.then(() => {
    told = true
  })
  const talk = setInterval(() => far.write('x'), 50)
  await new Promise(resolve => setTimeout(resolve, 1000))
  assert.equal(told, false)
  clearInterval(talk)
  assert.match((await kept.lost).message, /Heartbeat/)
})
