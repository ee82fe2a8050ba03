/**
 * A text as Python's own `repr` writes it: in single quotes, in double ones when it holds single and no double quotes,
 * with escapes for backslashes, line ends and what cannot be printed. Source: CPython `unicode_repr`.
 */
export function pythonTextRepr(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'"
  let escaped = ''
  for (const character of text) escaped += character === quote ? `\\${quote}` : escapedCharacter(character)
  return quote + escaped + quote
}

function escapedCharacter(character: string): string {
  switch (character) {
    case '\\':
      return '\\\\'
    case '\n':
      return '\\n'
    case '\r':
      return '\\r'
    case '\t':
      return '\\t'
    default:
      return isPrintable(character) ? character : codeEscape(character.codePointAt(0) ?? 0)
  }
}

/** Python escapes the categories Other and Separator, the space excepted. */
function isPrintable(character: string): boolean {
  return character === ' ' || !/[\p{C}\p{Z}]/u.test(character)
}

function codeEscape(code: number): string {
  if (code <= 0xff) return `\\x${code.toString(16).padStart(2, '0')}`
  return code <= 0xffff ? `\\u${code.toString(16).padStart(4, '0')}` : `\\U${code.toString(16).padStart(8, '0')}`
}
