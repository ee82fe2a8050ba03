import assert from 'node:assert/strict'
import { App } from '../../../src/app/app.js'
import { BrokerError } from '../../../src/brokers/errors.js'
import { ChaosProxy } from '../../../src/testing/chaos/chaos-proxy.js'
import { until } from '../../../src/testing/chaos/waiting.js'
import type { Landmark } from '../../../src/testing/chaos/wire/landmark.js'
import { landmarks } from '../../../src/testing/chaos/wire/landmarks.js'
import { type HaltingPlace, isAmqp, type RegisterCase } from './halting-place.js'
import { PATIENCE, Rig } from './rig.js'

/* H38, G3, D04–D06, F26: a publish ends in its time, and says truly how. */

/** Seconds; and how much later than that a busy machine may be, ms. */
const TIMEOUT = 1
const SLACK = 10_000

export function publishingCases(place: HaltingPlace, test: RegisterCase): void {
  const { name, needed } = place

  async function publisher(
    play: (app: App, proxy: ChaosProxy, queue: string) => Promise<void>,
    queue: string,
  ): Promise<void> {
    await using proxy = await ChaosProxy.before(place.url())
    const settings = { ...place.settings, taskDefaultQueue: queue, brokerUrl: proxy.url, publishTimeout: TIMEOUT }
    const app = new App('publisher', settings, { environment: {} })
    try {
      await play(app, proxy, queue)
    } finally {
      await proxy.heal()
      await app[Symbol.asyncDispose]()
    }
  }

  async function failsInTime(app: App): Promise<BrokerError> {
    const started = performance.now()
    const error = await app.sendTask('probe', [1]).then(
      () => assert.fail('it was accepted'),
      (failure: unknown) => failure,
    )
    const took = performance.now() - started
    assert.ok(error instanceof BrokerError, String(error))
    assert.ok(took < TIMEOUT * 1000 + SLACK, `it took ${Math.round(took)} ms`)
    return error
  }

  for (const warm of [false, true]) {
    const when = warm ? 'over a connection that worked' : 'over a first connection'
    test(
      `H38 D04 D06 ${name}: a publish ${when} fails in its time while the broker refuses, as not sent`,
      needed,
      async () => {
        await publisher(async (app, proxy) => {
          if (warm) await app.sendTask('probe', [1], { publishTimeout: 30 })
          await proxy.refuse()
          // What went out over a connection whose end nobody had noticed yet is in doubt; what comes later is not.
          await until('a certain answer', async () => (await failsInTime(app)).name === 'NotSentError', PATIENCE)
          await proxy.heal()
          await until(
            'publishing to work again',
            () =>
              app.sendTask('probe', [1]).then(
                () => true,
                () => false,
              ),
            PATIENCE,
          )
        }, `h38-refused-${warm}`)
      },
    )

    test(`H38 D04 D06 ${name}: a publish ${when} fails in its time while the broker is silent`, needed, async () => {
      await publisher(async (app, proxy) => {
        if (warm) await app.sendTask('probe', [1], { publishTimeout: 30 })
        proxy.blackhole()
        // Nothing can have been sent over a connection that never came about.
        assert.equal((await failsInTime(app)).name, warm ? 'PublishUnknownError' : 'NotSentError')
        await proxy.heal()
        await until(
          'publishing to work again',
          () =>
            app.sendTask('probe', [1]).then(
              () => true,
              () => false,
            ),
          PATIENCE,
        )
      }, `h38-silent-${warm}`)
    })
  }

  test(
    `F26 D05 D06 ${name}: an answer to a publish that is lost on its way leaves one message, or a truthful doubt`,
    needed,
    async () => {
      await using rig = await Rig.open(place, 'f26')
      await using proxy = await ChaosProxy.before(place.url())
      const app = new App(
        'publisher',
        { ...place.settings, taskDefaultQueue: rig.queue, brokerUrl: proxy.url },
        { environment: {} },
      )
      await app.sendTask('probe', [1], { taskId: 'f26-warm', publishTimeout: 30 })
      const accepted: string[] = ['f26-warm']
      const doubtful: string[] = []
      for (let n = 0; n < 3; n++) {
        const cut = proxy.at(answerToPublish(place))
        const taskId = `f26-${n}`
        await app.sendTask('probe', [1], { taskId, publishTimeout: 30 }).then(
          () => accepted.push(taskId),
          (error: unknown) => {
            assert.equal(error instanceof BrokerError && error.name, 'PublishUnknownError')
            doubtful.push(taskId)
          },
        )
        await cut
      }
      assert.equal(proxy.counts.hits, 3)
      await app[Symbol.asyncDispose]()
      await rig.worker()
      await rig.drained([...accepted, ...doubtful])
      // RabbitMQ knows no publish ids (D05): a retry after a lost confirm may leave two.
      if (!isAmqp(place)) rig.once([...accepted, ...doubtful])
      for (const id of accepted) assert.ok(rig.times(id) >= 1 && rig.times(id) <= 2, `${id} ran ${rig.times(id)} times`)
    },
  )
}

/** Before the client hears that the broker has the message. */
function answerToPublish(place: HaltingPlace): Landmark {
  switch (place.name) {
    case 'redis':
      return landmarks.beforeReply(/EVALSHA|EVAL|FCALL/)
    case 'postgres':
      return landmarks.beforeComplete('(COMMIT|INSERT|SELECT)')
    case 'rabbitmq':
    case 'rabbitmq-quorum':
      return landmarks.beforeConfirm()
    default:
      return place.name satisfies never
  }
}
