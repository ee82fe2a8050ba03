import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expandFileName } from './file-name.js'

test('%n is the part of the node name before the @, %p all of it, %h the host and %d its domain', () => {
  assert.equal(expandFileName('/run/%n.pid', 'mail@web1.example.com', 'web1.example.com'), '/run/mail.pid')
  assert.equal(expandFileName('%p-%h-%d.log', 'mail@x', 'web1.example.com'), 'mail@x-web1.example.com-example.com.log')
})

test('%i and %I are the main process, %% is a percent sign, and anything else stays', () => {
  assert.equal(expandFileName('w%I-%i-100%%-%z.log', 'mail@x', 'x'), 'w-0-100%-%z.log')
})
