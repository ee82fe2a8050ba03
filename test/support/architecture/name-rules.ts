import { isWithin } from './import-rules.js'
import { child, isTest, lineOf, type Node, nameOf, nodesOf, type SourceFile, stringOf } from './source-file.js'
import type { Violation } from './violation.js'

const SNAKE_CASE = /^[a-z][a-z0-9]*(_[a-z0-9]+)+$/
/** Kebab-case; a kind of test may stand before its ending: `x.types.test.ts`, `x.properties.test.ts`. */
const FILE_NAME = /^[a-z0-9]+(-[a-z0-9]+)*((\.[a-z]+)?\.test)?\.ts$/

const KEYED: readonly string[] = [
  'Property',
  'PropertyDefinition',
  'AccessorProperty',
  'MethodDefinition',
  'TSPropertySignature',
  'TSMethodSignature',
]

/** Names of properties and variables in snake_case outside protocol/: there wire words have become ours. */
export function snakeCaseViolations(file: SourceFile): Violation[] {
  if (isTest(file.path) || isWithin(file.path, ['src/protocol/'])) return []
  const found: Violation[] = []
  for (const node of nodesOf(file.program)) {
    const name = namedBy(node)
    if (name === undefined || !SNAKE_CASE.test(name)) continue
    const message = `'${name}' is a word of the wire; it becomes ours inside protocol/`
    found.push({ rule: 'snake-case', path: file.path, line: lineOf(file, node), what: name, message })
  }
  return found
}

/** The property or variable a node names. A key written as text counts as one. */
function namedBy(node: Node): string | undefined {
  if (node.type === 'VariableDeclarator') return nameOf(child(node, 'id'))
  if (node.type === 'MemberExpression') {
    const property = child(node, 'property')
    return node['computed'] === true ? stringOf(property) : nameOf(property)
  }
  if (!KEYED.includes(node.type)) return undefined
  const key = child(node, 'key')
  return stringOf(key) ?? (node['computed'] === true ? undefined : nameOf(key))
}

export function fileNameViolations(file: SourceFile): Violation[] {
  const name = file.path.split('/').at(-1) ?? ''
  if (FILE_NAME.test(name)) return []
  const message = `'${name}' is not kebab-case`
  return [{ rule: 'file-name', path: file.path, line: 1, what: name, message }]
}
