import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as zlib from 'node:zlib'
import fc from 'fast-check'
import { ConfigError } from '../lib/errors.js'
import { compress, decompress, decompressInTurns } from './compression.js'
import { ProtocolError, type ProtocolFault } from './errors.js'

const LIMIT = 1024 * 1024
const DATA: Buffer = Buffer.concat([
  Buffer.from(Array.from({ length: 3000 }, (_, i) => ((i * i) >> 4) & 0x3f)),
  Buffer.alloc(2000, 'z'),
])

/** Written by CPython 3.11 from the same data. */
const BY_PYTHON: readonly (readonly [name: string, by: string, base64: string])[] = [
  [
    'bzip2',
    'bz2.compress(data, 1)',
    'QlpoMTFBWSZTWZnLBbAAAAB4gv//////////gBAIAAAIUAP+9SpUVVEKocwCaYBMhgACYJgAABzAJpgEyGAAJgmAAAHMAmmATIYAAmCYAAAJqq' +
      'qjanlPaaJtNU9lTzTImBMjE0YT0TFAFKqpPIxNTeinmTRMTU9oKeNTxNKeU9TZG1Jp/3u/ae5H4XovNeK0rOsq7EdSyLmXIuIyLGttbixY18J4' +
      'Tbm1OqfGdM4ptTXWvMK71mW0sK2Fgm7N1eqyLfnJMC2FqWo95+p+pvTTNM0zym7N+eE8JxzundO1dq7V1rgnvOWdqzTsnNPOY54zln3WGZZlWv' +
      'M03FkWZd6+CyrDN5YVqXsvwsC3zXmvPOecxLEsc3J0zZnymtNK/ifSf3ONfSZ5jWdca4FwL0m2sq1lrbawzCtC7y4llXKtS8Vrr/Czr6LHME4p' +
      'jWNY11HfPGb84Jimmbk5pnmaaZ7T2p5zvWiaVuLAtK+y0LSuZdU9Z1rxWyutf6utbx1TUmWZJyLkmiZ5nmedUzznX0mzPacSyrLMs8p/k9JsTN' +
      'Omd8/M4pqTxWCc825lnDNia01l6LNM07JyTrnrNE25gm+ZVvLCsa7F/K0zlWNZF8l0LrmJZFoXJNWc04pgmSdEyzOs8yTVn1nTMy+cxTXW4jpL' +
      'ZL+Frr5LEvjMU25jWNaVyLTPSes3pgX1nrM83JlmObk55hnrN2ZZ0LyWwvVbpfleC3p7TnXcudca4191jX5m7M865vTHNWeMxzrnFNmYZ2TRMM' +
      'wzzXLNScEwzBOhZJyTym7OScU+xcK4VtT7TBNE+8xTynjMk6JwzyXLP5nwmmaJ0rIu5cq966VmX9LvXxXdOhZliWFYV9VnmZciwLymstZepYlh' +
      'XesS8J4LnXsu1c6xrZXGtSzTIt0vJbS4lwrQvOcBbqwL5ztW+vRe9eC0LhXDMi+C6V1r91xndPnN2bs7pmXbNib80zfn4ndMM2JsTHOScy+a21' +
      '7LaWdfVaF9i1LrmdYl6r2MMxTemSe8/M+M4JoXHNSc80THPlOacE0rqWRbc7FrLEtS2lhWpbEyrGu1ea/VeH6B/4u5IpwoSEzlgtgA',
  ],
  [
    'xz',
    'lzma.compress(data)',
    '/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4BOHAbBdAABofs4DOkG+ENIO3lhAtufDhf1u9YdiWof22q7XZiD2xXgbAqtz5EgKjdMeSCoWIuxAMy' +
      'fCGaAbMjHZHs1LYUcYKjrepIJVjToip8wvBLyZtnHPsW4BbzFE4BqsySQUAQLMmf7J3U+SMy35yWYpSdsmsGUutwmCkz1V1eVf2mAagCSlL0nd' +
      'XO36HETPuIxboEJon4CHmjTR0qm/rAYn9tK28KDCX4A/MIuaIHMkc2W/oQ4BIXgb+CtPz1XtXAwK9Zm76la7b4+f7Yz+Et+RMIk0Nn2rrRJ9oQ' +
      'F1+5K7e24n+ifwiT6tff+Sy1I1ySh/NZ6XTpKC+QLh3VmdvrLbI5gw2iYUvLSWP+p+TxiAURVulcuX9+ANmI/B8Ccon0jkJByTSVx/Edrxq1R7' +
      'tjaD6WK1OV/wtuwKwnZ1thsm9HqCc+5x4CrpFfJk2pL9CHRAsJ/hFKnj8tDo5QHzOcAKX8CzkgvRKRbP6ABg/rhH3rePCvCuSXWiNUqvQRvz3X' +
      'FjXIkL2NHHBvLthXqlPjyY9rIlqYkrm5BFhbN5KK+LJ31V00HbRzV7Hx+ybEPap9gxAAB7Gn7/YhLokgABzAOIJwAAc74w97HEZ/sCAAAAAARZ' +
      'Wg==',
  ],
  [
    'xz',
    'lzma.compress(data, check=CHECK_SHA256, filters=[LZMA2, lc=0, lp=2, pb=4])',
    '/Td6WFoAAArh+wyhAgAhARYAAAB0L+Wj4BOHAdnGAABofs4CQvJdLz9+suI6fg2xduePdO212wo5qRDUgtAM/ITGMULTq9q2YA681DAh8lQVH7' +
      '3cs7ItKg+PwURV1HilbawG8l5PtoAxwAKyhWXAH0owUfhYGZYiqAN67XECWqXJRJ5DTNVIE0hIgQ3NTs25VxkmbwF5s+vtQSHnqzNdm1MydiQV' +
      '/cem1wDceZViWdAwSaXpJqy2N8E+1Px4UINK2A1GwPGnRyaAT7Zs/c8SKUnoZ9yTcku6NlbBT2kLGhNYcpf8IXhRnPDDZfoxPHAOXib1LGWz3V' +
      'pqnP45/tfykzqPj+ombocyixjqx4WRfQWMTBnbpm2M527HxKmX079IJo1+JKgMCYyF8JKfiDcok4cptUvkByJV/YYFRa0OVJrFS7AQ94aum6C9' +
      '1GoFJkQG/rPLd3er+vhcLcOmWcRmNY+S8w9/gSc+3uP0ytxQvz3a0DkCXotQ8OwET/bqSmJdTSLk8EeqV7aBOuqMamjFliAO4CJh3JQk3o3X6D' +
      '20yTd26wTGrvAyOEh0ZGhpgyrfKToHw0U2jgo/wNXtiviaOuNpOQB9QMUmWapTC9ibFGWHG4Kuz+hmC7a6cO6RZvEds8SOMshQ26p3M56ES6mx' +
      'kWdSwLNAyLoAAAAAAHssK/bCAo3dn6CXz2UfTbp6PP1KkAtqv7nELrCC6k4xAAGNBIgnAACquxSBtunfHAIAAAAAClla',
  ],
  [
    'xz',
    'lzma.compress(data, check=CHECK_CRC32, filters=[LZMA2, preset=0])',
    '/Td6WFoAAAFpIt42AgAhAQwAAACPmEGc4BOHAbRdAABofp4oJ4UoXAKQwBMLPVyWhiGgDr47wexSq5ZT91qC2nxdzQQ9cpQIs+h7u88hUXvTpK' +
      'op2dp4/EDbB1b7e/zWLqBTSxx4p8shywXbNjS6hbKN2EjquzoLdpFkdCnkwdNymGq7fobSCUQlR3QHAoB4vnA6HXLBc0CoOS7sH6KjDins4XKh' +
      '7a2N31HZxB5rOL2hevz2+PGm8fe+h8bCURPLs2Mqg4FB07mp952tpg0Yu3YfkI8Ac6sXgswvhoyZUeodq49unTCiEpYuYjTjDr9WwcbhlL1z9h' +
      'G3iBLS5w63kBv2W0H88tJdrC/fQ1UN03Xq42dMadaTWPtcRJzqiEvsbUGGIDIPsGzCHEuEnzwLoQPL21ON0tlDgmWGcC6e1lbdwbAfKhOU9XAT' +
      '8AzM6k1zfn50t9Z6hTB0o5OYbRkU5pAkdCnm86mivHDVLcxZ3PA5F4I5NQ7BLE+JURLoO+HeVIEBJBzQ4VSYxymtu7wtnfJZ++ebc0da/qOsYj' +
      'rjS1M1m7Xp0q7FGcbOSNXsQs05CZcpUByRP+NivfLXFFAcPFpMf11QBf4k3LLDgn9WLa3lgwAA/GmskQABzAOIJwAAc74w9z4wDYsCAAAAAAFZ' +
      'Wg==',
  ],
  [
    'xz',
    'lzma.compress(data, check=CHECK_NONE)',
    '/Td6WFoAAAD/EtlBAgAhARYAAAB0L+Wj4BOHAbBdAABofs4DOkG+ENIO3lhAtufDhf1u9YdiWof22q7XZiD2xXgbAqtz5EgKjdMeSCoWIuxAMy' +
      'fCGaAbMjHZHs1LYUcYKjrepIJVjToip8wvBLyZtnHPsW4BbzFE4BqsySQUAQLMmf7J3U+SMy35yWYpSdsmsGUutwmCkz1V1eVf2mAagCSlL0nd' +
      'XO36HETPuIxboEJon4CHmjTR0qm/rAYn9tK28KDCX4A/MIuaIHMkc2W/oQ4BIXgb+CtPz1XtXAwK9Zm76la7b4+f7Yz+Et+RMIk0Nn2rrRJ9oQ' +
      'F1+5K7e24n+ifwiT6tff+Sy1I1ySh/NZ6XTpKC+QLh3VmdvrLbI5gw2iYUvLSWP+p+TxiAURVulcuX9+ANmI/B8Ccon0jkJByTSVx/Edrxq1R7' +
      'tjaD6WK1OV/wtuwKwnZ1thsm9HqCc+5x4CrpFfJk2pL9CHRAsJ/hFKnj8tDo5QHzOcAKX8CzkgvRKRbP6ABg/rhH3rePCvCuSXWiNUqvQRvz3X' +
      'FjXIkL2NHHBvLthXqlPjyY9rIlqYkrm5BFhbN5KK+LJ31V00HbRzV7Hx+ybEPap9gxAAAAAcQDiCcAAB48YxuoAAr8AgAAAAAAWVo=',
  ],
]

/** 'x' three hundred times, by the zstandard package. */
const ZSTD = 'KLUv/WB7AAUCAAQDW1sieCJdLCB7fSwgeyJjYWxsYmFja3MiOiBudWxsLCAiZXJyY2hhaW5jaG9yZH1dBAAysyZq06jZPRQVEAE='

function fault(bytes: Uint8Array, name: string, limit = LIMIT): ProtocolFault | undefined {
  try {
    decompress(bytes, name, limit)
    return undefined
  } catch (error) {
    assert.ok(error instanceof ProtocolError, `${error} is a ProtocolError`)
    return error.fault
  }
}

test('gzip is a zlib container, whatever its name says', () => {
  const { body, mime } = compress(DATA, 'gzip')
  assert.equal(mime, 'application/x-gzip')
  assert.equal(body[0], 0x78)
  assert.deepEqual(zlib.inflateSync(body), DATA)
  assert.equal(fault(zlib.gzipSync(DATA), 'gzip'), 'undecodable')
})

test('aliases and MIME types name the same thing, in any case', () => {
  const { body } = compress(DATA, 'zlib')
  for (const name of ['gzip', 'zlib', 'application/x-gzip', 'GZIP'])
    assert.deepEqual(decompress(body, name, LIMIT), DATA)
})

test('brotli is written and read', () => {
  const { body, mime } = compress(DATA, 'application/x-brotli')
  assert.equal(mime, 'application/x-brotli')
  assert.deepEqual(decompress(body, 'brotli', LIMIT), DATA)
})

for (const [name, by, base64] of BY_PYTHON) {
  const packed = Buffer.from(base64, 'base64')

  test(`${name} by ${by} is read`, () => {
    assert.deepEqual(decompress(packed, name, LIMIT), DATA)
  })

  test(`M07 ${name} by ${by}, cut or with something behind it, is undecodable`, () => {
    for (let size = 0; size < packed.length; size += 7)
      assert.equal(fault(packed.subarray(0, size), name), 'undecodable')
    assert.equal(fault(Buffer.concat([packed, packed]), name), 'undecodable')
    assert.equal(fault(Buffer.concat([packed, Buffer.from([0])]), name), 'undecodable')
  })

  // Without a checksum nobody can know.
  if (!by.includes('CHECK_NONE')) {
    test(`M07 ${name} by ${by} with one wrong byte is never taken for something else`, () => {
      for (let at = 0; at < packed.length; at++) {
        const damaged = Buffer.from(packed)
        damaged.writeUInt8(damaged.readUInt8(at) ^ 0x55, at)
        if (fault(damaged, name) === undefined) assert.deepEqual(decompress(damaged, name, LIMIT), DATA, `byte ${at}`)
      }
    })
  }

  test(`M08 ${name} by ${by} stops at the limit`, () => {
    assert.equal(fault(packed, name, DATA.length - 1), 'too-large')
    assert.deepEqual(decompress(packed, name, DATA.length), DATA)
  })
}

test('zstd is read', () => {
  const packed = Buffer.from(ZSTD, 'base64')
  const text = `[["${'x'.repeat(300)}"], {}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]`
  assert.equal(Buffer.from(decompress(packed, 'zstd', LIMIT)).toString(), text)
  assert.equal(fault(packed, 'application/zstd', text.length - 1), 'too-large')
})

test('M07 zstd that is cut, damaged in its headers or followed by something is undecodable', () => {
  const packed = Buffer.from(ZSTD, 'base64')
  for (let size = 0; size < packed.length; size++) assert.equal(fault(packed.subarray(0, size), 'zstd'), 'undecodable')
  assert.equal(fault(Buffer.concat([packed, packed]), 'zstd'), 'undecodable')
  // A window of 2^41 bytes, which a reader would allocate first.
  assert.equal(fault(Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0xff, 1, 0, 0]), 'zstd'), 'undecodable')
})

test('M08 bombs of every kind stop at the limit', () => {
  const zeros = Buffer.alloc(8 * LIMIT)
  assert.equal(fault(zlib.deflateSync(zeros), 'gzip'), 'too-large')
  assert.equal(
    fault(zlib.brotliCompressSync(zeros, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 5 } }), 'brotli'),
    'too-large',
  )
  assert.equal(fault(Buffer.from(BZIP2_BOMB, 'base64'), 'bzip2'), 'too-large')
  // A zstd frame of one run: 128 KiB from four bytes, again and again.
  const run = Buffer.from([0x02 | ((131_072 << 3) & 0xff), (131_072 >> 5) & 0xff, (131_072 >> 13) & 0xff, 0x61])
  const frame = Buffer.concat([
    Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0x38]),
    ...Array.from({ length: 64 }, () => run),
    Buffer.from([1, 0, 0]),
  ])
  assert.equal(fault(frame, 'zstd'), 'too-large')
})

/** Five million zeros. */
const BZIP2_BOMB = 'QlpoOTFBWSZTWabi8/QAJkvAAsAACAAACCAAMMwFKaapEUbAoijxdyRThQkKbi8/QA=='

test('M07 concatenated zlib and brotli streams are undecodable', () => {
  for (const name of ['gzip', 'brotli']) {
    const { body } = compress(DATA, name)
    assert.equal(fault(Buffer.concat([body, body]), name), 'undecodable')
    assert.equal(fault(body.subarray(0, body.length - 3), name), 'undecodable')
  }
})

test('M07 another algorithm, garbage or an unknown name is undecodable', () => {
  const { body } = compress(DATA, 'gzip')
  for (const name of ['brotli', 'zstd', 'bzip2', 'xz', 'lz4', '']) assert.equal(fault(body, name), 'undecodable')
  assert.equal(fault(Buffer.from(DELTA, 'base64'), 'xz'), 'undecodable')
})

/** xz with the delta filter. */
const DELTA = '/Td6WFoAAATm1rRGAgEDAQAhARZ5IMTu4AAdAApdADCAbf1hAQAAAAAAAADvmRgcj2UbDgABJh5sC1cZH7bzfQEAAAAABFla'

test('random bytes give a typed error under every name', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200 }),
      fc.constantFrom('gzip', 'brotli', 'zstd', 'bzip2', 'xz'),
      (bytes, name) => {
        const magic = {
          gzip: [0x78, 0x9c],
          brotli: [],
          zstd: [0x28, 0xb5, 0x2f, 0xfd],
          bzip2: [...Buffer.from('BZh11AY&SY')],
          xz: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0],
        }[name]
        fault(Buffer.from([...magic, ...bytes]), name)
      },
    ),
  )
})

test('a compression that cannot be written is a mistake in the settings', () => {
  for (const name of ['lz4', 'bzip2', 'xz']) {
    assert.throws(
      () => compress(DATA, name),
      (error: unknown) => error instanceof ConfigError && error.code === 'LVG_UNKNOWN_COMPRESSION',
    )
  }
})

const STREAMS: readonly (readonly [name: string, packed: Uint8Array])[] = [
  ['gzip', compress(DATA, 'gzip').body],
  ['brotli', compress(DATA, 'brotli').body],
  ...BY_PYTHON.map(([name, , base64]) => [name, Buffer.from(base64, 'base64')] as const),
]

test('M07 M08 in turns the same comes out of every stream, and the same is refused with the same words', async () => {
  const turn = async (): Promise<void> => undefined
  for (const [name, packed] of STREAMS) {
    assert.deepEqual(Buffer.from(await decompressInTurns(packed, name, LIMIT, turn)), DATA)
    const wrong = [packed.subarray(0, -3), Buffer.concat([packed, packed]), Buffer.from('garbage')]
    for (const [bytes, limit] of [...wrong.map(bytes => [bytes, LIMIT] as const), [packed, 100] as const]) {
      let refusal: unknown
      try {
        decompress(bytes, name, limit)
      } catch (error) {
        refusal = error
      }
      assert.ok(refusal instanceof ProtocolError, `${name} is refused`)
      const { fault, message } = refusal
      await assert.rejects(decompressInTurns(bytes, name, limit, turn), { fault, message })
    }
  }
})
