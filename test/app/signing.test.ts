import assert from 'node:assert/strict'
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { App } from '../../src/app/app.js'
import type { SettingsInput } from '../../src/app/settings.js'
import { createMemoryBroker } from '../../src/brokers/memory/memory-broker.js'
import { MemoryQueueStore } from '../../src/brokers/memory/memory-queue-store.js'
import { SignerStore } from '../../src/drivers/signer-store.js'
import { memoryLog } from '../../src/lib/memory-log.js'
import { nodeRuntime } from '../../src/lib/node-runtime.js'
import { signerCertificate } from '../../src/protocol/signer-certificate.js'
import { Worker } from '../../src/worker/worker.js'
import { certificatesMissing } from '../support/services/certificates.js'
import { redisDatabase, redisMissing } from '../support/services/redis.js'
import { Signers } from '../support/services/signers.js'
import { MemoryLines } from '../support/worker/rig.js'

const skip = certificatesMissing() ?? false

describe('signed messages', { skip }, () => {
  test('S21 set-up is all or nothing', () => {
    using signers = new Signers()
    const [ours, other] = [signers.make('ours'), signers.make('other')]
    signers.believe(ours, 'ours')
    const good = signers.settings(ours)
    const refuses = (change: SettingsInput, message: RegExp): void => {
      assert.throws(() => new App('shop', { ...good, ...change }), { code: 'LVG_SIGNING_SETUP', message })
    }
    new App('shop', good)
    refuses({ taskSerializer: 'json' }, /taskSerializer must be 'auth'/)
    refuses({ acceptContent: ['auth', 'json'] }, /acceptContent must be \['auth'\]/)
    refuses({ resultSerializer: 'json' }, /resultSerializer must be 'auth'/)
    refuses({ resultAcceptContent: ['json'] }, /resultAcceptContent must be \['auth'\] or unset/)
    refuses({ securityKey: null }, /missing: securityKey$/)
    refuses({ securityCertificate: null, securityCertStore: null }, /missing: securityCertificate, securityCertStore$/)
    refuses({ securityKey: join(signers.folder, 'none') }, /securityKey names a file that cannot be read/)
    refuses({ securityKey: other.key }, /key is not the one of the certificate/)
    refuses({ securityKey: ours.certificate }, /not a readable PEM key/)
    refuses({ securityCertStore: join(signers.folder, 'nowhere', '*.pem') }, /no valid certificate at/)
    refuses({ securityDigest: 'md5' }, /digest 'md5'/)
    assert.throws(
      () => new App('shop', { taskSerializer: 'auth', acceptContent: ['auth'], resultSerializer: 'auth' }),
      {
        code: 'LVG_SIGNING_SETUP',
      },
    )
  })

  test('a worker whose remote control is `signed` obeys believed signers, and nobody else', async () => {
    using signers = new Signers()
    const [ours, stranger] = [signers.make('ours'), signers.make('stranger')]
    signers.believe(ours, 'ours')
    await using shop = new Shop()
    const { app, lines } = shop.app(signers.settings(ours), 'signed')
    app.task('paint', (colour: string) => colour.toUpperCase())
    const worker = new Worker(app, { name: 'w@shop', concurrency: 1 }, { spool: new MemoryLines() })
    await worker.start()
    const { app: unsigned } = shop.app({})
    const { app: unknown } = shop.app(signers.settings(stranger))

    for (const each of [unsigned, unknown]) {
      await each.control.rateLimit('paint', '1/h')
      await each.control.shutdown()
    }
    const { app: friend } = shop.app(signers.settings(ours))
    const answer = await friend.control.rateLimit('paint', '100/s', { reply: true, limit: 1, timeout: 30 })

    assert.deepEqual(answer, { 'w@shop': { ok: 'new rate limit set successfully' } })
    assert.deepEqual(await friend.inspect({ limit: 1, timeout: 30 }).registered(), {
      'w@shop': ['paint [rate_limit=100/s]'],
    })
    const told = lines.filter(line => line.message.includes('remote control was dropped')).map(({ message }) => message)
    assert.match(told.join('\n'), /content type "application\/json" is not accepted/)
    await worker.stop('warm')
  })

  test('remote control that is `signed` is refused at the start where nothing is signed', async () => {
    await using shop = new Shop()
    const { app } = shop.app({}, 'signed')
    const worker = new Worker(app, { name: 'w@shop', concurrency: 1 }, { spool: new MemoryLines() })
    await assert.rejects(worker.start(), { code: 'LVG_SIGNING_SETUP' })
  })

  for (const backend of ['rpc', 'redis'] as const) {
    test(`S21 tasks and results are signed, and what is not signed is neither run nor believed (${backend})`, async t => {
      if (backend === 'redis') {
        const missing = await redisMissing()
        if (missing !== undefined) return t.skip(missing)
      }
      using signers = new Signers()
      const ours = signers.make('ours')
      signers.believe(ours, 'ours')
      await using shop = new Shop()
      await using database = backend === 'redis' ? await redisDatabase() : undefined
      const resultBackend = database?.url ?? 'rpc://'
      const { app } = shop.app({ ...signers.settings(ours), resultBackend })
      const runs: unknown[] = []
      const paint = app.task('paint', (colour: string) => {
        runs.push(colour)
        return colour.toUpperCase()
      })
      await using worker = new Worker(app, { name: 'w@shop', concurrency: 1 }, { spool: new MemoryLines() })
      await worker.start()
      const { app: unsigned } = shop.app({ resultBackend })

      await unsigned.sendTask('paint', ['black'])
      const result = await paint.delay('green')
      assert.equal(await result.get({ timeout: 60 }), 'GREEN')

      assert.deepEqual(runs, ['green'])
      if (backend === 'redis')
        await assert.rejects(unsigned.result(result.id).get({ timeout: 10 }), /ResultDecodeError/)
      return undefined
    })
  }
})

describe('the store of certificates', { skip }, () => {
  test('S22 a file that is added is believed, one that is removed is believed no more', () => {
    using signers = new Signers()
    const [first, second] = [signers.make('first'), signers.make('second')]
    const path = signers.believe(first, 'first')
    const { store, pass } = open(signers.store)
    const [one, two] = [first, second].map(({ certificate }) => idOf(certificate))
    assert.deepEqual([store.find(one ?? '')?.id, store.find(two ?? '')], [one, undefined])
    signers.believe(second, 'second')
    rmSync(path)
    pass(30_000)
    assert.deepEqual([store.find(one ?? ''), store.find(two ?? '')?.id], [undefined, two])
    rmSync(signers.store, { recursive: true })
    pass(30_000)
    assert.equal(store.find(two ?? ''), undefined)
  })

  test('S22 a file that cannot be read is reported once, and does not touch the others', () => {
    using signers = new Signers()
    signers.believe(signers.make('good'), 'good')
    writeFileSync(join(signers.store, 'broken.pem'), 'nothing')
    writeFileSync(join(signers.store, '.hidden.pem'), 'nothing')
    const { store, pass, warnings } = open(signers.store)
    pass(30_000)
    assert.ok(store.find(idOf(join(signers.store, 'good.pem'))))
    pass(30_000)
    store.find('')
    assert.equal(warnings().length, 1)
    assert.match(warnings()[0] ?? '', /broken\.pem/)
  })

  test('S22 one that has expired is reported and left out, also when that happens later', () => {
    using signers = new Signers()
    signers.believe(signers.make('long', 20), 'long')
    const short = signers.make('short', 1)
    signers.believe(short, 'short')
    const { store, pass, warnings } = open(signers.store)
    assert.ok(store.find(idOf(short.certificate)))
    pass(2 * 24 * 3600 * 1000)
    assert.equal(store.find(idOf(short.certificate)), undefined)
    assert.match(warnings()[0] ?? '', /short\.pem: it has expired/)
  })

  test('S22 the same certificate twice is an error at the start, and later changes nothing', () => {
    using signers = new Signers()
    const signer = signers.make('one')
    const path = signers.believe(signer, 'one')
    const { store, pass, warnings } = open(signers.store)
    copyFileSync(path, join(signers.store, 'two.pem'))
    pass(30_000)
    assert.ok(store.find(idOf(signer.certificate)))
    assert.match(warnings()[0] ?? '', /the same issuer and serial number/)
    assert.throws(() => open(signers.store), { code: 'LVG_SIGNING_SETUP' })
    assert.ok(open(join(signers.store, 'o*.pem')).store.find(idOf(signer.certificate)))
  })
})

/** Apps at one broker in memory. */
class Shop implements AsyncDisposable {
  readonly #store = new MemoryQueueStore(nodeRuntime())
  readonly #apps: App[] = []

  app(settings: SettingsInput, remoteControl: 'all' | 'signed' = 'all') {
    const { log, lines } = memoryLog()
    const runtime = nodeRuntime({ log })
    const broker = createMemoryBroker({ runtime, store: this.#store })
    const app = new App('shop', { ...settings, remoteControl }, { runtime, broker, environment: {} })
    this.#apps.push(app)
    return { app, lines }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const app of this.#apps) await app[Symbol.asyncDispose]()
  }
}

function open(pattern: string) {
  const { log, lines } = memoryLog()
  const begun = Date.now()
  let passed = 0
  const clock = { now: () => begun + passed, steady: () => passed }
  return {
    store: new SignerStore({ pattern, log, clock }),
    pass: (ms: number): void => {
      passed += ms
    },
    warnings: () => lines.map(({ message }) => message),
  }
}

function idOf(certificate: string): string {
  return signerCertificate(readFileSync(certificate)).id
}
