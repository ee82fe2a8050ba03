import { parseSync, visitorKeys } from 'oxc-parser'

/** A node of the syntax tree, as far as the rules look: `type` and whatever else the grammar gives it. */
export interface Node {
  readonly type: string
  readonly start: number
  readonly [key: string]: unknown
}

export interface SourceFile {
  /** Relative to the repository, with forward slashes. */
  readonly path: string
  readonly text: string
  readonly program: Node
}

/** @throws Error when the text does not parse: nothing could be said about it. */
export function parseSource(path: string, text: string): SourceFile {
  const { program, errors } = parseSync(path, text)
  const [first] = errors
  if (first !== undefined) throw new Error(`${path}: ${first.message}`)
  // The parser's own union of node types is narrower than what the rules ask of it; every node has `type` and `start`.
  return { path, text, program: program as unknown as Node }
}

export function isTest(path: string): boolean {
  return path.endsWith('.test.ts')
}

export function lineOf(file: SourceFile, node: Node): number {
  return file.text.slice(0, node.start).split('\n').length
}

/** The nodes directly below. */
export function childrenOf(node: Node): Node[] {
  const children: Node[] = []
  for (const key of visitorKeys[node.type] ?? []) {
    const value = node[key]
    if (Array.isArray(value)) children.push(...value.filter(isNode))
    else if (isNode(value)) children.push(value)
  }
  return children
}

/** Every node of the tree, outer before inner. */
export function* nodesOf(node: Node): Iterable<Node> {
  yield node
  for (const child of childrenOf(node)) yield* nodesOf(child)
}

export function child(node: Node, key: string): Node | undefined {
  const value = node[key]
  return isNode(value) ? value : undefined
}

export function children(node: Node, key: string): readonly Node[] {
  const value = node[key]
  return Array.isArray(value) ? value.filter(isNode) : []
}

export function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string'
}

/** The name of an identifier, private or not; else undefined. */
export function nameOf(node: Node | undefined): string | undefined {
  if (node === undefined) return undefined
  const named = node.type === 'Identifier' || node.type === 'PrivateIdentifier' || node.type === 'JSXIdentifier'
  return named ? String(node['name']) : undefined
}

export function stringOf(node: Node | undefined): string | undefined {
  return node?.type === 'Literal' && typeof node['value'] === 'string' ? node['value'] : undefined
}

/** Without `as`, `satisfies`, `!` and parentheses around it. */
export function unwrap(node: Node): Node {
  const wrapped = [
    'TSAsExpression',
    'TSSatisfiesExpression',
    'TSNonNullExpression',
    'TSTypeAssertion',
    'ParenthesizedExpression',
  ]
  const inner = wrapped.includes(node.type) ? child(node, 'expression') : undefined
  return inner === undefined ? node : unwrap(inner)
}
