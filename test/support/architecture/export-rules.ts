import { child, children, lineOf, type Node, nameOf, type SourceFile } from './source-file.js'
import { FRONT_DOORS, type RuleName } from './tables.js'
import type { Violation } from './violation.js'

/** `export *`, default exports, and files that pass on what other files export. */
export function exportViolations(file: SourceFile): Violation[] {
  return children(file.program, 'body').flatMap(statement => {
    const found = checkExport(file, statement)
    if (found === undefined) return []
    const [rule, message] = found
    return [{ rule, path: file.path, line: lineOf(file, statement), what: rule, message }]
  })
}

function checkExport(file: SourceFile, statement: Node): readonly [RuleName, string] | undefined {
  if (statement.type === 'ExportAllDeclaration') return ['export-all', 'exports * ; list the names']
  if (statement.type === 'ExportDefaultDeclaration') return ['default-export', 'has a default export; name it']
  if (statement.type !== 'ExportNamedDeclaration') return undefined
  const names = children(statement, 'specifiers').map(specifier => nameOf(child(specifier, 'exported')))
  if (names.includes('default')) return ['default-export', 'has a default export; name it']
  if (child(statement, 'source') === undefined || Object.hasOwn(FRONT_DOORS, file.path)) return undefined
  return ['barrel', 'passes on the exports of another file; only the front doors do']
}
