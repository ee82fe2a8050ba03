import type { Request } from './tasks.ts'

const MB = 1024 * 1024

/** Local files, by name and size. */
export const localFiles: ReadonlyMap<string, number> = new Map([
  ['roads.bin', 6 * MB],
  ['rivers.bin', 4 * MB],
  ['terrain.bin', 9 * MB],
  ['parcels.bin', 3 * MB],
])

/** What the HTTP server has. */
export const remoteFiles: ReadonlyMap<string, number> = new Map([
  ['ortho.tif', 4 * MB],
  ['forest.tif', 2 * MB],
  ['lakes.tif', 3 * MB],
])

/** Twelve requests; some name what does not exist, one nothing else. */
export function makeRequests(server: string): readonly Request[] {
  const mixes: readonly (readonly string[])[] = [
    ['file:roads.bin', 'file:rivers.bin'],
    ['file:terrain.bin', `${server}/ortho.tif`],
    [`${server}/forest.tif`, 'file:parcels.bin'],
    ['file:roads.bin', 'file:atlantis.bin'],
    [`${server}/lakes.tif`],
    ['file:terrain.bin', 'file:parcels.bin', 'file:rivers.bin'],
    [`${server}/ortho.tif`, `${server}/lakes.tif`],
    ['file:rivers.bin', `${server}/eldorado.tif`],
    ['file:atlantis.bin', `${server}/eldorado.tif`],
    ['file:roads.bin', `${server}/forest.tif`, 'file:terrain.bin'],
    ['file:parcels.bin'],
    [`${server}/ortho.tif`, 'file:roads.bin'],
  ]
  return mixes.map((resources, index) => {
    const number = String(index + 1).padStart(2, '0')
    return { id: `R${number}`, email: `user${number}@example.org`, resources }
  })
}
