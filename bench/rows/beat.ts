import { beatEntries } from '../contestants/beat-entries.js'
import type { Row } from '../row.js'

/** What a schedule costs by its length. Starts are CPU time of the process, which holds on a busy machine, too. */
export function beatOfMany(): Row {
  return {
    name: 'beat-10000',
    title: 'A beat of 10,000 entries of which 50 are due four times a second, beside one of those 50 alone',
    needs: [],
    figures: [
      { name: 'cpu', unit: 'µs', aim: { kind: 'ratio-at-most', value: 1.3 } },
      { name: 'start', unit: 'ms', aim: { kind: 'at-most', value: 1000 } },
      { name: 'first', unit: 'ms' },
      { name: 'heap', unit: 'MB' },
    ],
    ours: () => beatEntries(10_000),
    theirs: () => beatEntries(50),
  }
}
