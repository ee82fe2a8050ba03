import { child, children, childrenOf, type Node, nameOf } from './source-file.js'

/** Names declared in a function, block or module, and what is around it. Types are left out. */
export interface Scope {
  readonly names: ReadonlySet<string>
  readonly outer: Scope | undefined
}

const SCOPED: readonly string[] = [
  'Program',
  'BlockStatement',
  'StaticBlock',
  'FunctionDeclaration',
  'FunctionExpression',
  'ArrowFunctionExpression',
  'ClassDeclaration',
  'ClassExpression',
  'ForStatement',
  'ForInStatement',
  'ForOfStatement',
  'CatchClause',
  'SwitchStatement',
]

const STATEMENT_KEYS: readonly string[] = ['body', 'consequent', 'cases', 'init', 'left']

/** The scope that begins at `node`, or `outer` when none does. */
export function scopeAt(node: Node, outer: Scope | undefined): Scope | undefined {
  if (!SCOPED.includes(node.type)) return outer
  const names = new Set<string>()
  for (const parameter of children(node, 'params')) addPattern(parameter, names)
  const own = nameOf(child(node, 'id'))
  if (own !== undefined) names.add(own)
  const caught = child(node, 'param')
  if (caught !== undefined) addPattern(caught, names)
  for (const key of STATEMENT_KEYS) {
    const only = child(node, key)
    for (const statement of only === undefined ? children(node, key) : [only]) addDeclared(statement, names)
  }
  for (const branch of children(node, 'cases')) {
    for (const statement of children(branch, 'consequent')) addDeclared(statement, names)
  }
  return { names, outer }
}

/** Whether `name` means something of this file rather than a global. */
export function isBound(name: string, scope: Scope | undefined): boolean {
  return ownerOf(name, scope) !== undefined
}

/** Whether `name` means a binding at the top of the module. */
export function isModuleBinding(name: string, scope: Scope | undefined): boolean {
  const owner = ownerOf(name, scope)
  return owner !== undefined && owner.outer === undefined
}

function ownerOf(name: string, scope: Scope | undefined): Scope | undefined {
  for (let at = scope; at !== undefined; at = at.outer) if (at.names.has(name)) return at
  return undefined
}

function addDeclared(statement: Node, names: Set<string>): void {
  for (const name of declaredBy(child(statement, 'declaration') ?? statement)) addPattern(name, names)
}

function declaredBy(statement: Node): readonly (Node | undefined)[] {
  switch (statement.type) {
    case 'VariableDeclaration':
      return children(statement, 'declarations').map(declarator => child(declarator, 'id'))
    case 'FunctionDeclaration':
    case 'ClassDeclaration':
      return [child(statement, 'id')]
    case 'ImportDeclaration':
      return children(statement, 'specifiers').map(specifier => child(specifier, 'local'))
    default:
      return []
  }
}

function addPattern(pattern: Node | undefined, names: Set<string>): void {
  if (pattern === undefined) return
  const name = nameOf(pattern)
  if (name !== undefined) names.add(name)
  else if (pattern.type === 'AssignmentPattern') addPattern(child(pattern, 'left'), names)
  else if (pattern.type === 'Property') addPattern(child(pattern, 'value'), names)
  else for (const part of childrenOf(pattern)) if (!part.type.startsWith('TS')) addPattern(part, names)
}

/** Walks the code of a file, not its types, telling each node's parent and scope. */
export function walkCode(program: Node, visit: (node: Node, parent: Node | undefined, scope: Scope) => void): void {
  const step = (node: Node, parent: Node | undefined, outer: Scope | undefined): void => {
    if (isType(node)) return
    // The outermost node is the program, which always begins a scope.
    const scope = scopeAt(node, outer) as Scope
    visit(node, parent, scope)
    for (const below of childrenOf(node)) step(below, node, scope)
  }
  step(program, undefined, undefined)
}

const TYPED_CODE: readonly string[] = [
  'TSAsExpression',
  'TSSatisfiesExpression',
  'TSNonNullExpression',
  'TSTypeAssertion',
  'TSInstantiationExpression',
]

function isType(node: Node): boolean {
  return node.type.startsWith('TS') && !TYPED_CODE.includes(node.type)
}
