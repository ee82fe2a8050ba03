/**
 * Calls `act` when everything that is ready now has run: behind all microtasks of this turn of the event loop, and those
 * they queue. What a turn asks for can so be collected and asked once. Order is kept; nothing of real time is in it, so a
 * simulation stays repeatable.
 *
 * A tick asked for by a microtask runs when the microtask queue is empty (Node: `processTicksAndRejections`).
 */
export function endOfTurn(act: () => void): void {
  queueMicrotask(() => process.nextTick(act))
}

/** Resolves behind everything that was asked for with `endOfTurn` in this turn, or by what still runs in it. */
export function turnEnded(): Promise<void> {
  return new Promise(resolve => endOfTurn(() => endOfTurn(resolve)))
}
