import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isSecretName, maskUrl } from './mask-url.js'

test('the password of a URL is hidden, user and place stay', () => {
  for (const [url, shown] of [
    ['amqp://shop:s3cret@host:5672//', 'amqp://shop:********@host:5672//'],
    ['redis://:s3cret@host/1', 'redis://:********@host/1'],
    ['amqp://a:x@one;amqp://b:y@two', 'amqp://a:********@one;amqp://b:********@two'],
    ['sqlite:///lovage.db', 'sqlite:///lovage.db'],
    ['amqp://host/vhost', 'amqp://host/vhost'],
    ['https://host/?token=abc&page=2', 'https://host/?token=********&page=2'],
  ] as const) {
    assert.equal(maskUrl(url), shown)
  }
})

test('a password that is not encoded is hidden whole', () => {
  for (const url of ['amqp://u:p@ss@host', 'amqp://u:p/ss@host', 'amqp://u:p:ss@host', 'amqp://u:p#ss%@host']) {
    assert.equal(maskUrl(url), 'amqp://u:********@host')
  }
})

test('names of secrets are told from names that only look like one', () => {
  for (const name of ['password', 'redisPassword', 'API_KEY', 'authToken', 'securityKey'])
    assert.ok(isSecretName(name), name)
  for (const name of ['routingKey', 'routing_key', 'taskDefaultRoutingKey', 'brokerUrl'])
    assert.ok(!isSecretName(name), name)
})
