import type { Ms } from './time.js'

/** Keeps this thread and its event loop for so long, without taking a processor from the others. */
export function standStill(time: Ms): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, time)
}
