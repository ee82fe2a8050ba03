// Packs a folder of captured vectors into one file: node scripts/bundle-vectors.mjs FOLDER [OUT]
// Every .json, .pem and .key file becomes one line {"path", "vector"}; JSON text is only stripped of the space between
// its tokens (numbers stay digit for digit), other files become strings. Lines are sorted by path, then compressed
// with brotli, so that the same folder always gives the same bytes.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { brotliCompressSync, constants } from 'node:zlib'

const [folder, out = join(import.meta.dirname, '..', 'test', 'vectors', 'vectors.jsonl.br')] = process.argv.slice(2)
if (folder === undefined) {
  console.error('usage: node scripts/bundle-vectors.mjs FOLDER [OUT]')
  process.exit(2)
}

const lines = files(folder)
  .map(file => ({ path: relative(folder, file).split(sep).join('/'), text: readFileSync(file, 'utf8') }))
  .sort((a, b) => (a.path < b.path ? -1 : 1))
  .map(({ path, text }) => `{"path":${JSON.stringify(path)},"vector":${vector(path, text)}}\n`)
const plain = Buffer.from(lines.join(''))
const packed = brotliCompressSync(plain, {
  params: {
    [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
    [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
    [constants.BROTLI_PARAM_SIZE_HINT]: plain.length,
  },
})
writeFileSync(out, packed)
console.log(`${lines.length} entries, ${plain.length} bytes, ${packed.length} packed`)

function files(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return files(path)
    return /\.(json|pem|key)$/.test(entry.name) ? [path] : []
  })
}

function vector(path, text) {
  if (!path.endsWith('.json')) return JSON.stringify(text)
  JSON.parse(text)
  return text.replace(/("(?:\\.|[^"\\])*")|\s+/g, (_, string) => string ?? '')
}
