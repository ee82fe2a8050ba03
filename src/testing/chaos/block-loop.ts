/** Keeps the event loop for so long, as user code may, without taking a processor from the others. */
export function blockLoop(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}
