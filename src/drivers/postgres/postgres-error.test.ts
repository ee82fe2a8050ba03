import assert from 'node:assert/strict'
import { test } from 'node:test'
import { postgresError } from './postgres-error.js'

const systemError = (code: string): Error =>
  Object.assign(new Error(`write ${code}`), { code, errno: -32, syscall: 'write' })

test('a broken pipe is a lost connection, although its code has five letters as those of the server', () => {
  for (const code of ['EPIPE', 'EPERM', 'EBADF', 'EBUSY', 'ECONNRESET', 'ETIMEDOUT']) {
    const error = postgresError(systemError(code), 'working')
    assert.deepEqual(
      [error.trouble, error.transient, error.ends, error.sqlState],
      ['LOST', true, true, undefined],
      code,
    )
    assert.equal(postgresError(systemError(code), 'connecting').trouble, 'UNREACHABLE', code)
  }
})

test("the server's codes tell what went wrong", () => {
  const said = (code: string): Error => Object.assign(new Error('said'), { code, severity: 'ERROR' })
  const troubles = ['57P01', '08006', '53300', '40P01', '42501', '25006', '28P01', 'XX000', '22P02', '0A000'].map(
    code => postgresError(said(code), 'working'),
  )
  assert.deepEqual(
    troubles.map(error => error.trouble),
    ['LOST', 'LOST', 'FULL', 'CONFLICT', 'PRIVILEGE', 'READONLY', 'LOGIN', 'ERROR', 'ERROR', 'ERROR'],
  )
  assert.equal(troubles.at(-1)?.sqlState, '0A000')
})
