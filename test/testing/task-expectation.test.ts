import assert, { AssertionError } from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { App } from '../../src/app/app.js'
import { Reject } from '../../src/app/errors.js'
import { type TestCluster, testCluster } from '../../src/testing/cluster/test-cluster.js'

describe('expectations about tasks', () => {
  const app = new App('shop', { taskAcksLate: true })
  const mail = app.task('shop.mail', (to: string, _options?: object) => `sent to ${to}`)
  const fail = app.task('shop.fail', () => {
    throw new RangeError('out of range')
  })
  const refuse = app.task('shop.refuse', () => {
    throw new Reject('not mine')
  })
  let cluster: TestCluster

  before(async () => {
    cluster = await testCluster({ app })
    await mail.delay('ada')
    await mail.applyAsync(['bob'], { kwargs: { copies: { to: ['eve'] } } })
    await fail.delay()
    await refuse.delay()
    await cluster.drain()
    await mail.applyAsync(['later'], { countdown: '1h' })
  })
  after(() => cluster.close())

  test('hold when they are true, and give the calls they are about', () => {
    assert.equal(cluster.expect(mail).toHaveRun({ times: 2 }).length, 2)
    assert.equal(
      cluster.expect('shop.mail').toHaveRun({ args: ['ada'], times: 1, worker: 'w1' })[0]?.value,
      'sent to ada',
    )
    cluster.expect(mail).toHaveRun({ kwargs: { copies: { to: ['eve'] } } })
    cluster
      .expect(mail)
      .toHaveRun({ args: ([to]) => String(to).startsWith('b'), kwargs: ({ copies }) => copies !== undefined })
    cluster.expect(mail).toBePublished({ times: 3 })
    cluster.expect(mail).toBeWaiting({ args: ['later'], times: 1 })
    cluster.expect(mail).toHaveSucceeded({ value: 'sent to bob' })
    cluster.expect(mail).notToHaveRun({ args: ['later'] })
    cluster.expect(mail).notToBePublished({ queue: 'elsewhere' })
    cluster.expect(mail).toHaveRun({ where: ({ kwargs }) => 'copies' in kwargs, times: 1 })
    cluster.expect(fail).toHaveFailed({ error: 'out of' })
    cluster.expect(fail).toHaveFailed({ error: /range$/ })
    cluster.expect(fail).toHaveFailed({ error: RangeError })
    cluster.expect(refuse).toBeDeadLettered({ reason: 'rejected' })
  })

  const untrue: readonly (readonly [expected: RegExp, check: () => unknown])[] = [
    [
      /^expected shop\.mail to have run 3 times; it was so 2 times\. What there is:\n {2}shop\.mail\('ada'\) \[[0-9a-f]{8}\] succeeded, ran once\n/,
      () => cluster.expect(mail).toHaveRun({ times: 3 }),
    ],
    [
      /to have run once with \('eve'\); it was so never/,
      () => cluster.expect(mail).toHaveRun({ args: ['eve'], times: 1 }),
    ],
    [/shop\.mail\('bob', copies=\{ to: \[ 'eve' \] \}\)/, () => cluster.expect(mail).toHaveRun({ args: ['eve'] })],
    [/not before 20\d\d-.*, ran never/, () => cluster.expect(mail).toHaveRun({ args: ['later'] })],
    [
      /it was not published; published were: shop\.mail, shop\.fail, shop\.refuse/,
      () => cluster.expect('shop.male').toHaveRun(),
    ],
    [/not to have run.*it was so 2 times/, () => cluster.expect(mail).notToHaveRun()],
    [/not to be published/, () => cluster.expect(mail).notToBePublished()],
    [/to have succeeded.*\n.*failed, ran once: RangeError: out of range/, () => cluster.expect(fail).toHaveSucceeded()],
    [/to have succeeded, value 'x'/, () => cluster.expect(mail).toHaveSucceeded({ value: 'x' })],
    [/to have failed, error \/else\//, () => cluster.expect(fail).toHaveFailed({ error: /else/ })],
    [/to have failed/, () => cluster.expect(fail).toHaveFailed({ error: TypeError })],
    [/to have been retried/, () => cluster.expect(fail).toHaveRetried()],
    [/to be waiting/, () => cluster.expect(mail).toBeWaiting({ eta: new Date(0) })],
    [/to be a dead letter.*\n {2}no dead letter of it/, () => cluster.expect(mail).toBeDeadLettered()],
    [/to be a dead letter.*\n {2}rejected: /, () => cluster.expect(refuse).toBeDeadLettered({ reason: 'poison' })],
  ]
  for (const [expected, check] of untrue) {
    test(`say what happened instead: ${expected.source.slice(0, 60)}`, () => {
      assert.throws(check, error => {
        assert.ok(error instanceof AssertionError)
        assert.match(error.message, expected)
        assert.ok(error.stack?.includes('task-expectation.test'), 'the stack begins in the test')
        return true
      })
    })
  }

  test('all failures can be asked for at once', () => {
    assert.throws(
      () => cluster.expectNoFailures(),
      (error: Error) => {
        assert.match(error.message, /^\d tasks have failed:\n {2}shop\.fail\(\).*out of range/)
        assert.ok(error.cause instanceof RangeError)
        return true
      },
    )
  })
})

test('nothing published at all is said so', async () => {
  await using cluster = await testCluster({ define: () => undefined })
  assert.throws(() => cluster.expect('x').toBePublished(), /nothing was published at all/)
  cluster.expectNoFailures()
})
