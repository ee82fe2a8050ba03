import { isModuleBinding, type Scope, walkCode } from './scope.js'
import { child, children, isTest, lineOf, type Node, nameOf, type SourceFile, unwrap } from './source-file.js'
import type { Violation } from './violation.js'

/** Constructors whose instances nobody changes by accident; what changes one on purpose is found by `reportChange`. */
const HARMLESS: readonly string[] = ['Error', 'RegExp', 'TextEncoder', 'URL']

const MUTATORS: readonly string[] = [
  'add',
  'clear',
  'copyWithin',
  'delete',
  'fill',
  'pop',
  'push',
  'reverse',
  'set',
  'shift',
  'sort',
  'splice',
  'unshift',
]

const MUTABLE_TYPES: readonly string[] = ['Array', 'AsyncLocalStorage', 'Map', 'Record', 'Set', 'WeakMap', 'WeakSet']

type Report = (node: Node, what: string, message: string) => void

/** State that lives at the top of a module, so that two apps in one process would share it. */
export function stateViolations(file: SourceFile): Violation[] {
  if (isTest(file.path)) return []
  const found: Violation[] = []
  const report: Report = (node, what, message) =>
    found.push({ rule: 'module-state', path: file.path, line: lineOf(file, node), what, message })
  for (const statement of children(file.program, 'body')) {
    const declaration = child(statement, 'declaration') ?? statement
    if (declaration.type === 'VariableDeclaration') reportDeclaration(declaration, report)
  }
  const sticky = stickyExpressions(file)
  walkCode(file.program, (node, _parent, scope) => {
    reportStatic(node, report)
    reportChange(node, scope, report)
    reportStickyUse(node, scope, sticky, report)
  })
  return found
}

function reportDeclaration(declaration: Node, report: Report): void {
  if (declaration['declare'] === true) return
  for (const declarator of children(declaration, 'declarations')) {
    const id = child(declarator, 'id')
    const name = nameOf(id) ?? 'pattern'
    const init = child(declarator, 'init')
    if (declaration['kind'] === 'let' || declaration['kind'] === 'var') {
      report(
        declarator,
        name,
        `'${name}' can be reassigned for the whole process; put it into an object that is passed in`,
      )
    } else if (init !== undefined && !hasReadonlyType(id) && isMutable(init)) {
      report(declarator, name, `'${name}' can be changed for the whole process; freeze it or give it a readonly type`)
    }
  }
}

function isMutable(init: Node): boolean {
  if (isConstAssertion(init)) return false
  const value = unwrap(init)
  switch (value.type) {
    case 'NewExpression':
      return !HARMLESS.includes(nameOf(child(value, 'callee')) ?? '')
    case 'ArrayExpression':
    case 'ObjectExpression':
      return true
    case 'CallExpression':
      return /Function/.test(unwrap(child(value, 'callee') ?? value).type)
    default:
      return false
  }
}

function isConstAssertion(init: Node): boolean {
  if (init.type === 'TSSatisfiesExpression') return isConstAssertion(child(init, 'expression') ?? init)
  const type = child(init, 'typeAnnotation')
  return init.type === 'TSAsExpression' && nameOf(child(type ?? init, 'typeName')) === 'const'
}

/**
 * `readonly T[]`, `{ readonly [K in …]: … }`, or a named type. Named types are trusted: their fields are `readonly` by
 * the house's style, and what changes one anyway is found by `reportChange`.
 */
function hasReadonlyType(id: Node | undefined): boolean {
  const annotation = id === undefined ? undefined : child(id, 'typeAnnotation')
  const type = annotation === undefined ? undefined : child(annotation, 'typeAnnotation')
  return type !== undefined && isReadonlyType(type)
}

function isReadonlyType(type: Node): boolean {
  switch (type.type) {
    case 'TSTypeOperator':
      return type['operator'] === 'readonly'
    case 'TSMappedType':
      return type['readonly'] === true
    case 'TSTypeLiteral':
      return children(type, 'members').every(member => member['readonly'] === true)
    case 'TSIntersectionType':
      return children(type, 'types').every(isReadonlyType)
    case 'TSTypeReference':
      return !MUTABLE_TYPES.includes(nameOf(child(type, 'typeName')) ?? '')
    default:
      return false
  }
}

function reportStatic(node: Node, report: Report): void {
  if (node.type !== 'PropertyDefinition' || node['static'] !== true) return
  const name = nameOf(child(node, 'key')) ?? 'field'
  const value = child(node, 'value')
  const frozen = node['readonly'] === true && (value === undefined || !isMutable(value))
  if (!frozen) report(node, name, `static '${name}' is shared by the whole process; make it an instance field`)
}

/** Assignments to, deletions from and mutating calls on something declared at the top of the module. */
function reportChange(node: Node, scope: Scope, report: Report): void {
  const changed = changedBy(node)
  if (changed === undefined || changed.type !== 'MemberExpression') return
  const root = nameOf(rootOf(changed))
  if (root === undefined || !isModuleBinding(root, scope)) return
  report(node, root, `changes '${root}', which belongs to the whole process`)
}

function changedBy(node: Node): Node | undefined {
  if (node.type === 'AssignmentExpression') return unwrap(child(node, 'left') ?? node)
  if (node.type === 'UpdateExpression') return unwrap(child(node, 'argument') ?? node)
  if (node.type === 'UnaryExpression') return node['operator'] === 'delete' ? child(node, 'argument') : undefined
  if (node.type !== 'CallExpression') return undefined
  const callee = child(node, 'callee')
  const method = callee?.type === 'MemberExpression' ? nameOf(child(callee, 'property')) : undefined
  return method !== undefined && MUTATORS.includes(method) ? callee : undefined
}

function rootOf(node: Node): Node {
  const inner = node.type === 'MemberExpression' ? child(node, 'object') : undefined
  return inner === undefined ? node : rootOf(unwrap(inner))
}

/** Names of top-level regular expressions with `g` or `y`: `test` and `exec` move their `lastIndex`. */
function stickyExpressions(file: SourceFile): ReadonlySet<string> {
  const names = new Set<string>()
  for (const statement of children(file.program, 'body')) {
    for (const declarator of children(child(statement, 'declaration') ?? statement, 'declarations')) {
      const init = child(declarator, 'init')
      const flags = init === undefined ? '' : flagsOf(init)
      if (/[gy]/.test(flags)) names.add(nameOf(child(declarator, 'id')) ?? '')
    }
  }
  return names
}

function flagsOf(init: Node): string {
  const regex = init['regex'] as { readonly flags?: unknown } | null | undefined
  if (typeof regex?.flags === 'string') return regex.flags
  if (init.type !== 'NewExpression' || nameOf(child(init, 'callee')) !== 'RegExp') return ''
  const flags = children(init, 'arguments')[1]?.['value']
  return typeof flags === 'string' ? flags : ''
}

function reportStickyUse(node: Node, scope: Scope, sticky: ReadonlySet<string>, report: Report): void {
  const callee = node.type === 'CallExpression' ? child(node, 'callee') : undefined
  if (callee?.type !== 'MemberExpression') return
  const method = nameOf(child(callee, 'property'))
  const name = nameOf(child(callee, 'object'))
  if ((method !== 'test' && method !== 'exec') || name === undefined || !sticky.has(name)) return
  if (!isModuleBinding(name, scope)) return
  report(node, name, `'${name}' remembers where its last ${method} ended; drop the flag or use matchAll`)
}
