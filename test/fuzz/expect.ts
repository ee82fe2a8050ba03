import type { Message } from '../../src/protocol/message.js'
import { Broken, type Input } from './target.js'

/** The content of an input; a corpus file of another kind is a mistake in the file. */
export function textOf(input: Input): string {
  if (input.kind !== 'text') throw new Broken(`this target reads text, not ${input.kind}`)
  return input.text
}

export function bytesOf(input: Input): Uint8Array {
  if (input.kind !== 'bytes') throw new Broken(`this target reads bytes, not ${input.kind}`)
  return input.bytes
}

export function messageOf(input: Input): Message {
  if (input.kind !== 'message') throw new Broken(`this target reads messages, not ${input.kind}`)
  return input.message
}

export function givenOf(input: Input): unknown {
  if (input.kind !== 'value') throw new Broken(`this target reads values, not ${input.kind}`)
  return input.value
}
