/**
 * Controls (C0, DEL, C1), line and paragraph separators, bidirectional and zero-width characters: whatever could forge
 * a log line, move a terminal's cursor, or show text in another order than it is stored (S100).
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/
const EACH_UNSAFE = new RegExp(UNSAFE.source, 'g')

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/**
 * Text from outside made safe for one line of a log or terminal: unsafe characters become `\n`, `\r`, `\t` or `\uXXXX`;
 * longer than `limit` UTF-16 units is cut on a code point and marked (L13).
 */
export function escapeText(text: string, limit: number = Number.POSITIVE_INFINITY): string {
  const kept = text.length > limit ? `${cut(text, limit)}… (${text.length - limit} more)` : text
  return UNSAFE.test(kept) ? kept.replace(EACH_UNSAFE, char => SHORT[char] ?? unicodeEscape(char)) : kept
}

/** The same JSON with unsafe characters inside its strings as `\uXXXX`: still equal when parsed. For one line of JSON without its line end. */
export function escapeJson(json: string): string {
  return UNSAFE.test(json) ? json.replace(EACH_UNSAFE, unicodeEscape) : json
}

function unicodeEscape(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`
}

function cut(text: string, limit: number): string {
  const last = text.charCodeAt(limit - 1)
  const splitsPair = last >= 0xd800 && last <= 0xdbff
  return text.slice(0, splitsPair ? limit - 1 : limit)
}
