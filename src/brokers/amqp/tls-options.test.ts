import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tlsOptions } from './tls-options.js'

const NOTHING = {
  caFile: undefined,
  certFile: undefined,
  keyFile: undefined,
  passphrase: undefined,
  verify: true,
  serverName: undefined,
  ciphers: undefined,
}

test('S40 without options everything is checked', () => assert.deepEqual(tlsOptions({}), NOTHING))

test('Celery’s names are understood, with and without ssl_ in front; the URL’s win', () => {
  const settings = { ca_certs: '/a', certfile: '/b', keyfile: '/c', ssl_cert_reqs: 'CERT_REQUIRED', ssl_version: 3 }
  assert.deepEqual(tlsOptions(settings, { ca_certs: '/d', server_hostname: 'mq' }), {
    ...NOTHING,
    caFile: '/d',
    certFile: '/b',
    keyFile: '/c',
    serverName: 'mq',
  })
})

for (const [value, verify] of [
  ['CERT_NONE', false],
  ['ssl.CERT_NONE', false],
  ['none', false],
  [0, false],
  [false, false],
  ['CERT_OPTIONAL', true],
  [2, true],
  ['required', true],
  [true, true],
] as const) {
  test(`cert_reqs ${String(value)} means ${verify ? 'checked' : 'not checked'}`, () => {
    assert.equal(tlsOptions({ cert_reqs: value }).verify, verify)
  })
}

test('S40 what is unknown, of the wrong type or halved is refused', () => {
  assert.throws(() => tlsOptions({ ca_cert: '/a' }), { code: 'LVG_TLS_OPTION', message: /did you mean `ca_certs`/ })
  assert.throws(() => tlsOptions({ cert_reqs: 'perhaps' }), { code: 'LVG_TLS_OPTION' })
  assert.throws(() => tlsOptions({ ciphers: 7 }), { code: 'LVG_TLS_OPTION', message: /text/ })
  assert.throws(() => tlsOptions({ certfile: '/a' }), { code: 'LVG_TLS_OPTION', message: /keyfile/ })
})
