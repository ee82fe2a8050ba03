import type { Slowness } from './campaign.js'

/** How much slower than this machine's plain look at bytes a decoder may be before it counts as hanging. */
const FACTOR = 3000

/** How long reading takes here: the least of several passes over a mebibyte, so that other programs do not matter. */
export function calibrate(): Slowness {
  const bytes = new Uint8Array(1024 * 1024).fill(7)
  let least = Number.POSITIVE_INFINITY
  for (let pass = 0; pass < 20; pass++) {
    const begun = performance.now()
    let sum = 0
    for (let i = 0; i < bytes.length; i++) sum = (sum * 31 + (bytes[i] as number)) | 0
    bytes[0] = sum
    least = Math.min(least, performance.now() - begun)
  }
  return { ms: least * 100, msPerByte: (least / bytes.length) * FACTOR }
}
