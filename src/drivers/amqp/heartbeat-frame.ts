/** A frame of type 8 on channel 0 with nothing in it. */
export function heartbeatFrame(): Uint8Array {
  return Uint8Array.of(8, 0, 0, 0, 0, 0, 0, 0xce)
}
