import { child, children, lineOf, type Node, nameOf, type SourceFile } from './source-file.js'
import { FRONT_DOORS, type RuleName } from './tables.js'
import type { Violation } from './violation.js'

/** `export *`, default exports, and files that only pass on what other files export. */
export function exportViolations(file: SourceFile): Violation[] {
  const statements = children(file.program, 'body')
  const found = statements.flatMap(statement => {
    const broken = checkExport(statement)
    return broken === undefined ? [] : [violation(file, statement, ...broken)]
  })
  const first = statements.find(passesOn)
  const own = statements.some(statement => statement.type !== 'ImportDeclaration' && !passesOn(statement))
  if (first === undefined || own || Object.hasOwn(FRONT_DOORS, file.path)) return found
  return [
    ...found,
    violation(file, first, 'barrel', 'only passes on the exports of other files; only the front doors do'),
  ]
}

function violation(file: SourceFile, node: Node, rule: RuleName, message: string): Violation {
  return { rule, path: file.path, line: lineOf(file, node), what: rule, message }
}

/** `export { a } from`, `export *`, and `export { a }` without declaring anything. */
function passesOn(statement: Node): boolean {
  if (statement.type === 'ExportAllDeclaration') return true
  return statement.type === 'ExportNamedDeclaration' && child(statement, 'declaration') === undefined
}

function checkExport(statement: Node): readonly [RuleName, string] | undefined {
  if (statement.type === 'ExportAllDeclaration') return ['export-all', 'exports * ; list the names']
  if (statement.type === 'ExportDefaultDeclaration') return ['default-export', 'has a default export; name it']
  if (statement.type !== 'ExportNamedDeclaration') return undefined
  const names = children(statement, 'specifiers').map(specifier => nameOf(child(specifier, 'exported')))
  return names.includes('default') ? ['default-export', 'has a default export; name it'] : undefined
}
