/** Gives the event loop a turn: what is long is done in slices, and this is awaited between them. */
export type Turn = () => Promise<void>

/** Long work that may stop here and there; it says how many bytes it has read and written since the last stop. */
export type Stepwise<T> = Generator<number, T>

/** Bodies of so many bytes on, unpacked, are handled in turns where turns are to be had. */
export const LARGE_BODY: number = 256 * 1024

/** What is done between two turns. Some 20 ms of the slowest decompression here. */
const BYTES_A_TURN: number = 256 * 1024

/** To its end, at once. */
export function atOnce<T>(work: Stepwise<T>): T {
  for (;;) {
    const step = work.next()
    if (step.done === true) return step.value
  }
}

/** To its end, with turns of the event loop in between. */
export async function inTurns<T>(work: Stepwise<T>, turn: Turn): Promise<T> {
  let bytes = 0
  for (;;) {
    const step = work.next()
    if (step.done === true) return step.value
    bytes += step.value
    if (bytes < BYTES_A_TURN) continue
    bytes = 0
    await turn()
  }
}
