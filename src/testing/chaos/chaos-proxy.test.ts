import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { describe, test } from 'node:test'
import { ChaosProxy } from './chaos-proxy.js'
import { landmarks } from './wire/landmarks.js'

/** A server whose every connection the test holds in its hands. */
class Peer implements AsyncDisposable {
  readonly server: Server = createServer({ allowHalfOpen: true })
  readonly sockets: Socket[] = []
  readonly received: string[] = []

  static async start(): Promise<Peer> {
    const peer = new Peer()
    peer.server.on('connection', socket => {
      const index = peer.sockets.push(socket) - 1
      peer.received[index] = ''
      socket.on('data', (bytes: Buffer) => {
        peer.received[index] += bytes.toString('latin1')
      })
      socket.on('error', () => undefined)
    })
    peer.server.listen(0, '127.0.0.1')
    await once(peer.server, 'listening')
    return peer
  }

  get port(): number {
    const address = this.server.address()
    return address !== null && typeof address === 'object' ? address.port : 0
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy()
    this.server.close()
    await once(this.server, 'close')
  }
}

/** A client of it. */
class Caller implements Disposable {
  readonly socket: Socket
  received = ''
  error: NodeJS.ErrnoException | undefined
  ended = false

  /** A reset that comes together with bytes is told by Node as an end. */
  get over(): boolean {
    return this.ended || this.error !== undefined
  }

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    this.socket.on('data', (bytes: Buffer) => {
      this.received += bytes.toString('latin1')
    })
    this.socket.on('error', error => {
      this.error = error
    })
    this.socket.on('end', () => {
      this.ended = true
    })
  }

  [Symbol.dispose](): void {
    this.socket.destroy()
  }
}

async function until(what: string, look: () => boolean): Promise<void> {
  const end = performance.now() + 10_000
  while (!look()) {
    if (performance.now() > end) throw new Error(`waited in vain for ${what}`)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}

/** Long enough for what must not happen to have happened, were it going to. */
const moment = (): Promise<void> => new Promise(resolve => setTimeout(resolve, 60))

interface Stage {
  readonly proxy: ChaosProxy
  readonly peer: Peer
  call(): Promise<Caller>
}

async function onStage(play: (stage: Stage) => Promise<void>, wire?: 'amqp' | 'resp' | 'postgresql'): Promise<void> {
  await using peer = await Peer.start()
  await using proxy = await ChaosProxy.before({ port: peer.port, ...(wire === undefined ? {} : { wire }) })
  const callers: Caller[] = []
  const call = async (): Promise<Caller> => {
    const before = peer.sockets.length
    const caller = new Caller(proxy.port)
    callers.push(caller)
    await until('the connection', () => peer.sockets.length > before || caller.error !== undefined)
    return caller
  }
  try {
    await play({ proxy, peer, call })
  } finally {
    for (const caller of callers) caller[Symbol.dispose]()
  }
}

describe('the chaos proxy', { concurrency: 4 }, () => {
  test('passes bytes and ends both ways, and counts', async () => {
    await onStage(async ({ proxy, peer, call }) => {
      const caller = await call()
      caller.socket.write('hello')
      await until('the greeting', () => peer.received[0] === 'hello')
      caller.socket.end()
      peer.sockets[0]?.end('bye!')
      await until('the answer and the end', () => caller.received === 'bye!' && caller.ended)
      await until('nothing to be open', () => proxy.counts.open === 0)
      const { accepted, broken, bytesUp, bytesDown } = proxy.counts
      assert.deepEqual({ accepted, broken, bytesUp, bytesDown }, { accepted: 1, broken: 0, bytesUp: 5, bytesDown: 4 })
    })
  })

  test('reset breaks what is open, and takes what comes', async () => {
    await onStage(async ({ proxy, peer, call }) => {
      const caller = await call()
      proxy.reset()
      await until('the reset', () => caller.error?.code === 'ECONNRESET')
      const next = await call()
      next.socket.write('again')
      await until('the next one to work', () => peer.received[1] === 'again')
      assert.equal(proxy.counts.broken, 1)
    })
  })

  test('refuse refuses connections, until heal', async () => {
    await onStage(async ({ proxy, peer, call }) => {
      const caller = await call()
      await proxy.refuse()
      await until('the reset', () => caller.error?.code === 'ECONNRESET')
      for (let n = 0; n < 3; n++) assert.equal((await call()).error?.code, 'ECONNREFUSED')
      await proxy.heal()
      ;(await call()).socket.write('back')
      await until('it to work', () => peer.received[1] === 'back')
    })
  })

  test('a black hole passes neither bytes nor ends nor resets; healed, what was held back arrives', async () => {
    await onStage(async ({ proxy, peer, call }) => {
      const [one, two, three] = [await call(), await call(), await call()]
      one.socket.write('a')
      await until('the first byte', () => peer.received[0] === 'a')
      proxy.blackhole()
      one.socket.write('b')
      peer.sockets[0]?.write('c')
      two.socket.end()
      three.socket.resetAndDestroy()
      const late = await call()
      late.socket.write('d')
      await moment()
      assert.deepEqual([peer.received[0], one.received, peer.received[3]], ['a', '', ''])
      assert.deepEqual(
        peer.sockets.map(socket => socket.readableEnded || socket.destroyed),
        [false, false, false, false],
      )
      await proxy.heal()
      await until(
        'what was held back',
        () => peer.received[0] === 'ab' && one.received === 'c' && peer.received[3] === 'd',
      )
      await until('the end', () => peer.sockets[1]?.readableEnded === true)
      await until('the reset', () => peer.sockets[2]?.destroyed === true)
    })
  })

  test('a black hole can be one way, and can spare new connections', async () => {
    await onStage(async ({ proxy, peer, call }) => {
      const one = await call()
      proxy.blackhole({ direction: 'down', connections: 'present' })
      one.socket.write('up')
      peer.sockets[0]?.write('down')
      await until('the way up', () => peer.received[0] === 'up')
      const two = await call()
      peer.sockets[1]?.write('new')
      await until('the new one', () => two.received === 'new')
      assert.equal(one.received, '')
    })
  })

  test('delay is later, in order, and costs no throughput', async () => {
    await onStage(async ({ proxy, peer, call }) => {
      const caller = await call()
      proxy.delay(50, { jitter: 50 })
      const started = performance.now()
      let sent = ''
      for (let n = 0; n < 40; n++) {
        const text = `${n},`
        sent += text
        caller.socket.write(text)
        await new Promise(resolve => setTimeout(resolve, 2))
      }
      await until('all of it', () => peer.received[0]?.length === sent.length)
      assert.equal(peer.received[0], sent)
      assert.ok(performance.now() - started >= 50)
    })
  })

  test('throttle writes so many bytes at a time', async () => {
    await onStage(async ({ proxy, peer, call }) => {
      const caller = await call()
      const sizes: number[] = []
      peer.sockets[0]?.on('data', (bytes: Buffer) => sizes.push(bytes.length))
      proxy.throttle(1, { pause: 2 })
      caller.socket.write('x'.repeat(50))
      await until('all of it', () => peer.received[0]?.length === 50)
      assert.ok(sizes.length > 5, `${sizes.length} portions`)
    })
  })

  test('cutAfter cuts behind the byte, of the next connection or of any', async () => {
    await onStage(async ({ proxy, peer, call }) => {
      const old = await call()
      const cut = proxy.cutAfter(7)
      old.socket.write('0123456789')
      await until('the old one to be spared', () => peer.received[0] === '0123456789')
      const caller = await call()
      caller.socket.write('0123456789')
      await cut
      await until('the cut', () => caller.over)
      await moment()
      assert.equal(proxy.counts.bytesUp, 17)
      const any = proxy.cutAfter(3, { connection: 'any', direction: 'down' })
      peer.sockets[0]?.write('abcdef')
      await any
      await until('the reset', () => old.over)
      assert.equal(proxy.counts.bytesDown, 3)
      const none = proxy.cutAfter(0)
      const third = new Caller(proxy.port)
      await none
      await until('the third to be cut at once', () => third.over)
    })
  })

  test('flap comes and goes, and ends up', async () => {
    await onStage(async ({ proxy, peer, call }) => {
      proxy.flap({ up: [5, 10], down: [5, 10] })
      let refused = 0
      let worked = 0
      while (refused < 3 || worked < 3) {
        const caller = new Caller(proxy.port)
        await until('an answer', () => caller.socket.readyState === 'open' || caller.error !== undefined)
        if (caller.error === undefined) worked++
        else refused++
        caller[Symbol.dispose]()
      }
      await proxy.heal()
      const before = peer.sockets.length
      const caller = await call()
      caller.socket.write('up')
      await until('it to work', () => peer.received.slice(before).includes('up'))
    })
  })

  test('redirect leads new connections to another server', async () => {
    await using other = await Peer.start()
    await onStage(async ({ proxy, call }) => {
      await call()
      proxy.redirect({ port: other.port })
      const caller = new Caller(proxy.port)
      caller.socket.write('moved')
      await until('the other server', () => other.received[0] === 'moved')
      caller[Symbol.dispose]()
    })
  })

  test('a server that is away resets its clients', async () => {
    await using peer = await Peer.start()
    const { port } = peer
    await peer[Symbol.asyncDispose]().catch(() => undefined)
    await using proxy = await ChaosProxy.before({ port })
    using caller = new Caller(proxy.port)
    await until('the reset', () => caller.error !== undefined)
  })

  test('a landmark cuts before a reply, after a command, holds while a function runs, and counts', async () => {
    await onStage(async ({ proxy, peer, call }) => {
      const caller = await call()
      const order: string[] = []
      const held = proxy.at({ direction: 'up', name: 'GET', side: 'before' }, async ({ text }) => {
        await moment()
        order.push(`held ${text}, arrived ${peer.received[0]?.length}`)
      })
      const second = proxy.at(landmarks.beforeReply('GET', 2))
      caller.socket.write('*2\r\n$3\r\nGET\r\n$1\r\na\r\n*2\r\n$3\r\nGET\r\n$1\r\nb\r\n')
      await held
      assert.deepEqual(order, ['held a, arrived 0'])
      await until('both commands', () => peer.received[0]?.endsWith('b\r\n') === true)
      peer.sockets[0]?.write('$1\r\n1\r\n$1\r\n2\r\n')
      assert.equal((await second).name, 'reply:GET')
      await until('the cut', () => caller.over)
      assert.equal(caller.received, '$1\r\n1\r\n')
      await until('the server to be told in good order', () => peer.sockets[0]?.readableEnded === true)
      const next = await call()
      const after = proxy.at({ direction: 'up', name: 'SET', side: 'after' })
      next.socket.write('*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nv\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\n')
      await after
      await until('the end', () => peer.sockets[1]?.readableEnded === true)
      assert.equal(peer.received[1], '*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nv\r\n')
      assert.deepEqual(
        [...proxy.counts.units],
        [
          ['GET', 2],
          ['reply:GET', 1],
          ['SET', 1],
        ],
      )
      assert.equal(proxy.counts.hits, 3)
    }, 'resp')
  })

  test('at a landmark a connection can fall silent', async () => {
    await onStage(async ({ proxy, peer, call }) => {
      const caller = await call()
      const silent = proxy.at(landmarks.beforeReply(/GET|SET/), 'silence')
      caller.socket.write('*1\r\n$3\r\nGET\r\n')
      await until('the command', () => peer.received[0] !== '')
      peer.sockets[0]?.write('+OK\r\n')
      await silent
      await moment()
      assert.deepEqual([caller.received, caller.error], ['', undefined])
      await proxy.heal()
      await until('the reply', () => caller.received === '+OK\r\n')
    }, 'resp')
  })

  test('it leaves no port and no connection behind', async () => {
    await using peer = await Peer.start()
    const proxy = await ChaosProxy.before({ port: peer.port })
    using caller = new Caller(proxy.port)
    await until('the connection', () => peer.sockets.length === 1)
    proxy.flap()
    proxy.blackhole()
    await proxy[Symbol.asyncDispose]()
    await until('the caller to be cut', () => caller.socket.destroyed)
    await until('the server to be cut', () => peer.sockets[0]?.destroyed === true)
    using late = new Caller(proxy.port)
    await until('the refusal', () => late.error?.code === 'ECONNREFUSED')
  })
})

test('a URL keeps everything but its address', async () => {
  await using proxy = await ChaosProxy.before('redis://:p@ss%40@localhost:6390/7?x=1')
  assert.equal(proxy.url, `redis://:p@ss%40@127.0.0.1:${proxy.port}/7?x=1`)
  await using plain = await ChaosProxy.before('amqp://localhost//')
  assert.equal(plain.url, `amqp://127.0.0.1:${plain.port}//`)
  await assert.rejects(ChaosProxy.before('sqlite:///x.db'), { code: 'LVG_BAD_URL' })
})
