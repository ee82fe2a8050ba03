import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Broker, Connection, Delivery } from '../../brokers/broker.js'
import { createMemoryBroker } from '../../brokers/memory/memory-broker.js'
import { MemoryQueueStore } from '../../brokers/memory/memory-queue-store.js'
import { createVirtualBroker } from '../../brokers/virtual/virtual-broker.js'
import type { QueueName } from '../../protocol/ids.js'
import type { Message } from '../../protocol/message.js'
import { linkedBroker } from './linked-broker.js'
import { linkedQueueStore } from './linked-queue-store.js'
import type { CallFate, SimCall } from './sim-channel.js'
import type { SimLink } from './sim-link.js'
import type { SimProcess } from './sim-process.js'
import type { SimWorld } from './sim-world.js'
import { type SimReport, simulate } from './simulate.js'

/*
 * Two processes, a producer and a consumer, over one memory broker: the smallest cluster in which everything that the
 * simulator does can go wrong. Here the simulator is under test; the broker's own rules are tested beside the broker.
 */

const QUEUE = { name: 'work' as QueueName }
const MESSAGES = 40
const STORM_MS = 20_000

interface Node {
  readonly process: SimProcess
  readonly link: SimLink
}

/** How a process reaches the one broker of the world. */
type Reach = (world: SimWorld, store: MemoryQueueStore, node: Node) => Broker

/** The real virtual broker runs in the process, its store's verbs travel. */
const byStore: Reach = (world, store, { process, link }) => {
  const { features } = createMemoryBroker({ runtime: world.runtime })
  const drop = (): void => store.freeze(process.runtime.host.name)
  const linked = linkedQueueStore(link, store.seenBy(process.runtime), { drop })
  return createVirtualBroker({ url: 'memory://', store: linked, features, runtime: process.runtime })
}

/** The broker runs in the world, its port's verbs travel. */
const byBroker: Reach = (world, store, { link }) =>
  linkedBroker(link, createMemoryBroker({ runtime: world.runtime, store }))

class Cluster {
  readonly ran = new Map<number, number>()
  readonly accepted = new Set<number>()
  readonly store: MemoryQueueStore
  readonly nodes = new Map<string, Node>()
  readonly #world: SimWorld
  readonly #reach: Reach
  readonly #messages: number

  constructor(world: SimWorld, reach: Reach, messages = MESSAGES) {
    this.#world = world
    this.#reach = reach
    this.#messages = messages
    this.store = new MemoryQueueStore(world.runtime, { leaseMs: 2_000, renewMs: 500 })
  }

  get done(): boolean {
    return this.accepted.size === this.#messages && this.ran.size === this.#messages
  }

  start(name: 'producer' | 'consumer', fate: (call: SimCall) => CallFate = () => 'pass'): void {
    const process = this.#world.process(name)
    const node = { process, link: this.#world.link(process, { place: 'broker', fate }) }
    this.nodes.set(name, node)
    const work = name === 'producer' ? this.#produce : this.#consume
    void this.#keepConnected(node, connection => work.call(this, process, connection))
  }

  async #keepConnected(node: Node, work: (connection: Connection) => Promise<void>): Promise<void> {
    const { clock, host, log } = node.process.runtime
    const broker = this.#reach(this.#world, this.store, node)
    for (;;) {
      try {
        const connection = await broker.connect({ name: host.name })
        await connection.declare({ queues: [QUEUE] })
        await work(connection)
      } catch (error) {
        log.warning(`trouble: ${(error as Error).message}`)
      }
      await clock.sleep(200)
    }
  }

  async #produce(process: SimProcess, connection: Connection): Promise<void> {
    for (let n = 0; n < this.#messages; n++) {
      if (this.accepted.has(n)) continue
      await connection.publish(message(n), { exchange: '', routingKey: QUEUE.name }, { publishId: `n${n}` })
      this.accepted.add(n)
      process.runtime.log.info(`accepted ${n}`)
      await process.runtime.clock.sleep(300 * process.runtime.random.next())
    }
    await connection.closed
  }

  async #consume(process: SimProcess, connection: Connection): Promise<void> {
    const consumer = await connection.consume([QUEUE], 4)
    for await (const batch of consumer) {
      await Promise.all(batch.map(delivery => this.#run(process, delivery)))
    }
  }

  async #run(process: SimProcess, delivery: Delivery): Promise<void> {
    const n = Number(Buffer.from(delivery.message.body).toString())
    await process.runtime.clock.sleep(200 * process.runtime.random.next())
    this.ran.set(n, (this.ran.get(n) ?? 0) + 1)
    process.runtime.log.info(`ran ${n}: ${await delivery.ack()}`)
  }
}

function message(n: number): Message {
  return { headers: {}, properties: {}, body: Buffer.from(String(n)) }
}

interface Verdict {
  readonly kills: number
  readonly runs: number
}

async function storm(world: SimWorld, reach: Reach): Promise<Verdict> {
  const cluster = new Cluster(world, reach)
  const faults = world.random.split('faults')
  let kills = 0
  cluster.start('producer')
  cluster.start('consumer')
  world.always(() => assert.ok(cluster.accepted.size <= MESSAGES))

  while (world.now < STORM_MS) {
    await world.sleep(faults.between(200, 3000))
    const name = faults.pick(['producer', 'consumer'] as const)
    const { process, link } = cluster.nodes.get(name) as Node
    const trouble = faults.pick(['kill', 'freeze', 'reset', 'cut', 'blackhole'] as const)
    if (trouble === 'kill') {
      kills++
      process.kill()
      world.after(faults.between(0, 2000), () => cluster.start(name))
    } else if (trouble === 'freeze') {
      process.freeze()
      world.after(faults.between(0, 4000), () => process.thaw())
    } else {
      link[trouble]()
      world.after(faults.between(0, 2000), () => link.heal())
    }
  }

  await world.sleep(5_000)
  for (const { process, link } of cluster.nodes.values()) {
    process.thaw()
    link.heal()
  }
  const observer = await createMemoryBroker({ runtime: world.runtime, store: cluster.store }).connect({
    name: 'observer',
  })
  for (let waited = 0; !(await isQuiet(cluster, observer)); waited += 500) {
    assert.ok(waited < 60_000, 'not quiet a minute after the storm')
    await world.sleep(500)
  }
  assert.deepEqual(
    [...cluster.ran.keys()].sort((a, b) => a - b),
    [...Array(MESSAGES).keys()],
  )
  return { kills, runs: [...cluster.ran.values()].reduce((sum, count) => sum + count, 0) }
}

async function isQuiet(cluster: Cluster, observer: Connection): Promise<boolean> {
  const { ready, held, delayed } = await observer.stats(QUEUE.name)
  return cluster.accepted.size === MESSAGES && ready + held + delayed === 0
}

for (const [name, reach] of [
  ['with the real virtual broker in each process', byStore],
  ['with the broker in the world', byBroker],
] as const) {
  test(`50 seeds of storms ${name}: nothing is lost, and each seed repeats itself exactly`, async () => {
    const play = (seed: number): Promise<SimReport<Verdict>> => simulate(seed, world => storm(world, reach))
    const hashes = new Set<string>()
    let kills = 0
    let repeats = 0
    for (let seed = 1; seed <= 50; seed++) {
      const [first, second] = [await play(seed), await play(seed)]
      assert.equal(second.hash, first.hash, `seed ${seed}: ${partOf(first, second)}`)
      hashes.add(first.hash)
      kills += first.value.kills
      repeats += first.value.runs - MESSAGES
    }
    assert.equal(hashes.size, 50)
    // A storm that kills nobody, or after which nothing ran twice, would have tested nothing.
    assert.ok(kills > 50, `${kills} kills`)
    assert.ok(repeats > 0, `${repeats} repetitions`)
  })
}

test('a consumer may crash before or after any of its calls, and everything still runs', async () => {
  const play = (crashAt: number, fate: CallFate): Promise<SimReport<number>> =>
    simulate(11, async world => {
      const cluster = new Cluster(world, byStore, 6)
      cluster.start('producer')
      cluster.start('consumer', ({ index }) => {
        if (index !== crashAt) return 'pass'
        if (fate.startsWith('crash')) world.after(100, () => cluster.start('consumer'))
        return fate
      })
      const { link } = cluster.nodes.get('consumer') as Node
      await world.until('all ran', () => cluster.done, 60_000)
      return link.calls
    })

  const undisturbed = await play(-1, 'pass')
  assert.ok(undisturbed.value > 20)
  for (let index = 0; index < undisturbed.value; index++) {
    for (const fate of ['crash-before', 'crash-after', 'lose-request', 'lose-answer'] as const) await play(index, fate)
  }
})

/** Where two runs part, to look at when they do. */
function partOf(first: SimReport<Verdict>, second: SimReport<Verdict>): string {
  const at = first.trace.findIndex((line, i) => line !== second.trace[i])
  return `\n${first.trace[at]}\n${second.trace[at]}`
}
