// Packs a folder of captured vectors into one file:
//   node scripts/bundle-vectors.mjs [--out FILE] [--hide FROM=TO]... FOLDER
// Every .json, .pem and .key file becomes one line {"path", "vector"}; JSON text is only stripped of the space between
// its tokens (numbers stay digit for digit), other files become strings. Lines are sorted by path, then compressed
// with brotli, so that the same folder always gives the same bytes.
// --hide replaces a folder of the capturing machine wherever a traceback names it, also inside base64 and zlib streams;
// in binary formats, which count bytes, the replacement is filled up with underscores.
import { isUtf8 } from 'node:buffer'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { parseArgs } from 'node:util'
import { brotliCompressSync, constants, deflateSync, inflateSync } from 'node:zlib'

const { values, positionals } = parseArgs({
  options: { out: { type: 'string' }, hide: { type: 'string', multiple: true, default: [] } },
  allowPositionals: true,
})
const [folder] = positionals
const out = values.out ?? join(import.meta.dirname, '..', 'test', 'vectors', 'vectors.jsonl.br')
const hidden = values.hide.map(pair => pair.split('='))
if (folder === undefined) {
  console.error('usage: node scripts/bundle-vectors.mjs [--out FILE] [--hide FROM=TO]... FOLDER')
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
  return text.replace(/("(?:\\.|[^"\\])*")|\s+/g, (_, string) => (string === undefined ? '' : cleanToken(string)))
}

function cleanToken(token) {
  const before = JSON.parse(token)
  const after = cleanText(before)
  return after === before ? token : JSON.stringify(after)
}

/** Runs of base64 within the text are looked into as well. */
function cleanText(text) {
  return replaceAll(text).replace(/[A-Za-z0-9+/]{40,}={0,2}/g, run => cleanBase64(run))
}

function cleanBase64(run) {
  const bytes = Buffer.from(run, 'base64')
  if (bytes.toString('base64') !== run) return run
  const unpacked = inflated(bytes)
  if (unpacked !== undefined) {
    const cleaned = cleanBytes(unpacked)
    return cleaned === unpacked ? run : deflateSync(cleaned).toString('base64')
  }
  const cleaned = cleanBytes(bytes)
  return cleaned === bytes ? run : cleaned.toString('base64')
}

function cleanBytes(bytes) {
  if (!hidden.some(([from]) => bytes.includes(from))) return bytes
  const isText = isUtf8(bytes) && !bytes.includes(0)
  const text = bytes.toString(isText ? 'utf8' : 'latin1')
  return isText ? Buffer.from(replaceAll(text)) : Buffer.from(replaceAll(text, true), 'latin1')
}

function replaceAll(text, sameLength = false) {
  return hidden.reduce(
    (text, [from, to]) => text.replaceAll(from, sameLength ? to.slice(0, from.length).padEnd(from.length, '_') : to),
    text,
  )
}

function inflated(bytes) {
  try {
    return inflateSync(bytes)
  } catch {
    return undefined
  }
}
