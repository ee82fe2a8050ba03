import { Socket } from 'node:net'
import { HEARD_FD, SAID_FD } from '../../../src/pools/child/descriptors.js'
import { toFrame } from '../../../src/pools/child-frames.js'
import type { FromChild } from '../../../src/pools/child-protocol.js'

// A child that says `alive`, and when it hears anything a hundred things more, and is gone.
const said = new Socket({ fd: SAID_FD, readable: false, writable: true })
const say = (message: FromChild): void => void said.write(toFrame(message))
new Socket({ fd: HEARD_FD, readable: true, writable: false }).once('data', () => {
  for (let begun = 1; begun <= 100; begun++) say({ kind: 'recalled', begun })
  said.write('', () => process.exit(7))
})
say({ kind: 'alive' })
