/**
 * Situations that every thousand seeds must come into at least once (§13.9): what is never reached is never tested, and a
 * batch that misses one says that the laboratory has gone blind.
 */
const SOMETIMES: readonly string[] = Object.freeze([
  'a verdict after the lease or connection was lost',
  'a sweep returned messages of a dead holder',
  'two sweepers returned the messages of one holder',
  'two holders of one message, one after another',
  'a running task adopted its redelivery',
  'a stored end was replayed',
  'a crash between the copy of a message and its ack',
  'a retry intent was replayed',
  'a chord completed by a replay',
  'a publish was tried again after doubt',
  'a publish was certainly not sent',
  'a delayed message was parked and woke',
  'the backend was down at an outcome',
  'a worker was stopped while busy',
  'a worker was stopped while reconnecting',
  'a worker started again after its death',
  'an early-acked task was lost with its worker',
  'a spool was written',
  'a store was refused',
  'a message became poison',
  'a malformed message was buried',
  'a dead-letter place was full',
  'a dead letter was dropped',
  'a message expired',
  'a message was revoked',
  'an unknown task was handed back',
  'a child was killed',
  'a task was lost with its child',
  'a child was frozen',
  'a task stood still and kept its message',
  'a child retired',

  'quirk short-claim',
  'quirk empty-claim',
  'quirk spurious-wake',
  'quirk early-doubt',
  'quirk balk',
  'quirk late-timer',
  'quirk lone-delivery',
  'quirk early-flag',
  'quirk slow-sweep',

  'crash after store',
  'crash after publish',
  'crash after ack',
  'crash after arrive',
])

/** Rarer ones: a batch of so many must reach them. */
const RARE: Readonly<Record<string, number>> = Object.freeze({
  'the power went off': 1000,
  'a child was killed with calls ahead of their turn': 2000,
  'a child was given its last task ahead of its turn': 2000,
  'calls came back from a frozen child': 2000,
  'a frozen child was ended by a time limit': 2000,
  'a frozen child outlived its worker': 5000,
  'a child retired early, as calls had come back': 5000,
  'the disk was full': 2000,
  'the disk was read-only': 2000,
  'crash after dead-letter': 2000,
  'a disk that was not synced lost a message': 5000,
})

const PER = 1000

/** Those that a batch of so many seeds should have reached and has not. */
export function missed(seen: ReadonlyMap<string, number>, seeds: number): readonly string[] {
  const wanted = Object.entries(RARE).flatMap(([what, per]) => (seeds >= per ? [what] : []))
  const often = seeds >= PER ? SOMETIMES : []
  return [...often, ...wanted].filter(what => (seen.get(what) ?? 0) === 0)
}
