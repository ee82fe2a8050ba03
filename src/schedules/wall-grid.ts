import type { WallMs } from './wall-time.js'

/** Times on a wall clock that come again and again, whatever place the clock hangs in. */
export interface WallGrid {
  /** The first of them after `wall`; undefined = none before the year 10000. */
  next(wall: WallMs): WallMs | undefined
  /** The last of them not after `wall`; undefined = none since 1900. */
  previous(wall: WallMs): WallMs | undefined
}
