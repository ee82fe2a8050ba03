import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigError } from '../../lib/errors.js'
import { parseAmqpUrl } from './amqp-url.js'

test('every part but the scheme may be left out', () => {
  assert.deepEqual(parseAmqpUrl('amqp://'), {
    tls: false,
    host: 'localhost',
    port: undefined,
    user: undefined,
    password: undefined,
    vhost: '/',
    heartbeat: undefined,
    connectionTimeout: undefined,
    loginMethod: undefined,
    ssl: {},
  })
})

for (const [url, vhost] of [
  ['amqp://host', '/'],
  ['amqp://host/', '/'],
  ['amqp://host//', '/'],
  ['amqp://host/%2F', '/'],
  ['amqp://host/shop', 'shop'],
  ['amqp://host//shop', '/shop'],
  ['amqp://host/a%20b', 'a b'],
  ['amqp://host/a/b?heartbeat=3', 'a/b'],
] as const) {
  test(`the virtual host of ${url} is '${vhost}'`, () => assert.equal(parseAmqpUrl(url).vhost, vhost))
}

test('M48 user and password are percent-decoded, whatever they hold', () => {
  const { user, password } = parseAmqpUrl('amqp://u%40x:p%3A%2F%25%23%3F@host/')
  assert.deepEqual([user, password], ['u@x', 'p:/%#?'])
})

test('schemes that end in s are TLS; IPv6 addresses stand in brackets', () => {
  for (const [url, tls] of [
    ['amqps://h', true],
    ['pyamqps://h', true],
    ['pyamqp://h', false],
    ['librabbitmq://h', false],
  ] as const) {
    assert.equal(parseAmqpUrl(url).tls, tls)
  }
  const { host, port } = parseAmqpUrl('amqp://[::1]:5673/')
  assert.deepEqual([host, port], ['::1', 5673])
})

test('the query says how to connect', () => {
  const url = parseAmqpUrl(
    'amqps://h//?heartbeat=12&connection_timeout=1.5&login_method=external&ssl_ca_certs=/a%20b.pem',
  )
  assert.deepEqual(
    [url.heartbeat, url.connectionTimeout, url.loginMethod, url.ssl],
    [12, 1500, 'external', { ca_certs: '/a b.pem' }],
  )
})

for (const [url, text] of [
  ['amqp://u:a@b@host/', /%40/],
  ['amqp://u:a:b@host/', /%3A/],
  ['amqp://u:a/b@host/', /%2F/],
  ['amqp://u:a#b@host/', /%23/],
  ['amqp://u:5%@host/', /%25/],
  ['amqp://host:0/', /ports are 1/],
  ['amqp://host:70000/', /65535/],
  ['amqp://host:port/', /cannot be read/],
  ['amqp://host/?heartbeat=often', /no span/],
  ['amqp://host/?vhost=x', /does not exist/],
] as const) {
  test(`M48 ${url} is refused, with what to write instead`, () => {
    assert.throws(
      () => parseAmqpUrl(url),
      error => error instanceof ConfigError && text.test(error.message),
    )
  })
}
