/** How a piece of text stands out. */
export type Style = 'bold' | 'dim' | 'title' | 'selected' | 'good' | 'bad' | 'revoked' | 'busy' | 'greeting'

/** A piece of text in one style; text alone is plain. */
export type Piece = string | readonly [text: string, style: Style]

/** One line of the screen. */
export type ScreenLine = readonly Piece[]

const CODES: Readonly<Record<Style, string>> = {
  bold: '1',
  dim: '2',
  title: '1;4',
  selected: '7',
  good: '32',
  bad: '31',
  revoked: '35',
  busy: '33',
  greeting: '34',
}
const COLORED: ReadonlySet<Style> = new Set(['good', 'bad', 'revoked', 'busy', 'greeting'])

/** A whole frame: from the upper left corner, each line cleared behind its text, what is below cleared too. */
export function frame(lines: readonly ScreenLine[], color: boolean): string {
  const printed = lines.map(line => `${line.map(piece => print(piece, color)).join('')}\u001b[K`)
  return `\u001b[H${printed.join('\r\n')}\u001b[J`
}

/** Cut to the width of the screen. */
export function fitted(line: ScreenLine, width: number): ScreenLine {
  let left = width
  return line.flatMap((piece): Piece[] => {
    if (left <= 0) return []
    const [text, style] = typeof piece === 'string' ? [piece, undefined] : piece
    const shown = text.slice(0, left)
    left -= shown.length
    return style === undefined ? [shown] : [[shown, style] as const]
  })
}

function print(piece: Piece, color: boolean): string {
  if (typeof piece === 'string') return piece
  const [text, style] = piece
  return !color && COLORED.has(style) ? text : `\u001b[${CODES[style]}m${text}\u001b[0m`
}
