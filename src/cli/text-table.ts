import { escapeText } from '../lib/escape-text.js'

/** Cells under headings, columns as wide as their widest cell; numbers stand right. Cells are escaped (S100). */
export function textTable(headings: readonly string[], rows: readonly (readonly (string | number)[])[]): string[] {
  const cells = rows.map(row => row.map(cell => escapeText(String(cell), 512)))
  const widths = headings.map((heading, i) => Math.max(heading.length, ...cells.map(row => row[i]?.length ?? 0)))
  const numeric = headings.map((_, i) => rows.length > 0 && rows.every(row => typeof row[i] === 'number'))
  const lay = (row: readonly string[]): string =>
    row
      .map((cell, i) => (numeric[i] ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd()
  return [lay(headings), ...cells.map(lay)]
}
