import assert from 'node:assert/strict'
import { test } from 'node:test'
import { App } from '../../src/app/app.js'
import type { SettingsInput } from '../../src/app/settings.js'
import { openBeatStore } from '../../src/beat/open-beat-store.js'
import { memoryLog } from '../../src/lib/memory-log.js'
import { nodeRuntime } from '../../src/lib/node-runtime.js'

/* S44: passwords, and tasks, in plain text. Nothing is connected to. */

const PLAIN = {
  'amqp://u:secret@far.example//': { brokerUrl: 'amqp://u:secret@far.example//' },
  'redis://:secret@far.example/0': { brokerUrl: 'redis://:secret@far.example/0' },
  'sentinel://:secret@far.example:26379': {
    brokerUrl: 'sentinel://:secret@far.example:26379',
    brokerTransportOptions: { master_name: 'm' },
  },
  'postgres://u:secret@far.example/db': { brokerUrl: 'postgres://u:secret@far.example/db' },
  'one of two': { brokerUrl: 'amqps://u:secret@far.example//;amqp://u:secret@near.example//' },
} satisfies Record<string, SettingsInput>

for (const [what, settings] of Object.entries(PLAIN)) {
  test(`S44 with requireTls ${what} is refused by name, its password masked`, async () => {
    await using app = new App('app', { ...settings, requireTls: true }, { environment: {} })
    await assert.rejects(app.broker(), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'LVG_TLS_REQUIRED')
      assert.match(error.message, /example/)
      assert.doesNotMatch(error.message, /secret/)
      return true
    })
  })
}

for (const resultBackend of [
  'redis://:secret@far.example/0',
  'db+postgresql://u:secret@far.example/db?sslmode=prefer',
]) {
  test(`S44 with requireTls results do not go to ${resultBackend.replace('secret', '…')}`, async () => {
    await using app = new App('app', { brokerUrl: 'memory://', resultBackend, requireTls: true }, { environment: {} })
    await assert.rejects(app.backend(), { code: 'LVG_TLS_REQUIRED' })
  })
}

for (const beatStoreUrl of ['redis://:secret@far.example/0', 'postgres://u:secret@far.example/db?sslmode=prefer']) {
  test(`S44 with requireTls beats do not agree over ${beatStoreUrl.replace('secret', '…')}`, async () => {
    await using app = new App('app', { brokerUrl: 'memory://', beatStoreUrl, requireTls: true }, { environment: {} })
    await assert.rejects(openBeatStore(app), { code: 'LVG_TLS_REQUIRED' })
  })
}

const ENCRYPTED: readonly SettingsInput[] = [
  { brokerUrl: 'amqps://u:secret@far.example//' },
  { brokerUrl: 'amqp://u:secret@far.example//', brokerUseSsl: true },
  { brokerUrl: 'rediss://:secret@far.example/0' },
  { brokerUrl: 'postgres://u:secret@far.example/db?sslmode=verify-full' },
  { brokerUrl: 'amqp://u:secret@127.0.0.1//' },
  { brokerUrl: 'redis://:secret@localhost/0' },
  { brokerUrl: 'redis+socket:///tmp/redis.sock' },
]

test('S44 with requireTls encrypted servers, and those of this machine, are used', async () => {
  for (const settings of ENCRYPTED) {
    await using app = new App('app', { ...settings, requireTls: true }, { environment: {} })
    await app.broker()
  }
})

test('S44 without requireTls a Redis password in plain text is warned of, and only that', async () => {
  const { log, lines } = memoryLog()
  for (const brokerUrl of ['redis://:secret@far.example/0', 'redis://far.example/0', 'redis://:secret@127.0.0.1/0']) {
    await using app = new App('app', { brokerUrl }, { runtime: nodeRuntime({ log }), environment: {} })
    await app.broker()
  }
  const warnings = lines.filter(line => line.level === 'warning').map(line => line.message)
  assert.equal(warnings.length, 1)
  assert.match(warnings[0] ?? '', /far\.example.* travels in plain text/)
  assert.doesNotMatch(warnings[0] ?? '', /secret/)
})
