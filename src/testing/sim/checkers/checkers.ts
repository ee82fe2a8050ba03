import type { Checker } from './checker.js'
import { i01 } from './i01-nothing-vanishes.js'
import { i02 } from './i02-late-acks-run.js'
import { i03 } from './i03-early-acks-once.js'
import { i04 } from './i04-repeats-explained.js'
import { i05 } from './i05-poison-stops.js'
import { i06 } from './i06-nothing-invented.js'
import { i07 } from './i07-one-result.js'
import { i08 } from './i08-links-follow.js'
import { i09 } from './i09-chords-complete.js'
import { i11 } from './i11-times-kept.js'
import { i12 } from './i12-one-holder.js'
import { i13 } from './i13-all-at-rest.js'
import { i16 } from './i16-dead-letters-whole.js'

/** Of I01–I16 those that concern what exists. I14 is the bound within which a scenario must come to rest. */
export const CHECKERS: readonly Checker[] = Object.freeze([
  ...[i01, i02, i03, i04, i05, i06, i07, i08],
  ...[i09, i11, i12, i13, i16],
])
