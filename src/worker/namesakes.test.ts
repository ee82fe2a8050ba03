import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Namesakes } from './namesakes.js'

const beat = (pid: number, seenAt: number, type = 'worker-heartbeat') => ({ type, pid, seenAt })

test('H74 another process under our name is noticed at its second sign of life, once', () => {
  const namesakes = new Namesakes(1)
  assert.deepEqual(
    [beat(2, 0), beat(2, 0), beat(2, 2000), beat(2, 4000), beat(3, 4000), beat(3, 6000)].map(b => namesakes.notice(b)),
    [undefined, undefined, 2, undefined, undefined, 3],
  )
})

test('H50 neither we ourselves nor the last words of who we have replaced are a namesake', () => {
  const namesakes = new Namesakes(1)
  const heard = [beat(1, 0), beat(1, 2000), beat(2, 2000), beat(2, 2500, 'worker-offline'), beat(2, 9000)]
  assert.deepEqual(
    heard.map(b => namesakes.notice(b)),
    [undefined, undefined, undefined, undefined, undefined],
  )
})
