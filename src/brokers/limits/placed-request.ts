import type { LimitRequest } from './limit-store.js'
import type { LimitWindow } from './limit-window.js'

/**
 * A request for a store that decides itself (redis/lua/turns.lua, postgres/sql/schema-3.sql): keys by their place among `keys`, counted
 * from `first` on, windows as `[max, ms, name]`. Plain JSON.
 */
export function placedRequest({ done, kept, asks }: LimitRequest, keys: readonly string[], first: 0 | 1): object {
  const at = (key: string): number => keys.indexOf(key) + first
  const named = ({ max, ms }: LimitWindow): readonly unknown[] => [max, ms, String(ms)]
  return {
    done: done.map(({ key, names }) => ({ at: at(key), names })),
    kept: kept.map(({ key, names }) => ({ at: at(key), names })),
    asks: asks.map(({ names, rate, places }) => ({
      names,
      ...(rate === undefined ? {} : { rate: { at: at(rate.key), windows: rate.windows.map(named) } }),
      ...(places === undefined ? {} : { places: { at: at(places.key), max: places.max } }),
    })),
  }
}
