/**
 * Calls back once the event loop has taken up all that had come by now. Of two turns the second begins with a look at every
 * descriptor and port, whichever part of the loop this is called from.
 */
export function afterPoll(callback: () => void): void {
  setImmediate(() => setImmediate(callback))
}
