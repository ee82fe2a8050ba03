import { child, children, type Node, nameOf, nodesOf, type SourceFile, stringOf } from './source-file.js'

export interface Import {
  readonly specifier: string
  readonly node: Node
  /** `url`: `new URL('./x.js', import.meta.url)`, the entry of a thread or process. */
  readonly kind: 'import' | 'url'
}

/** Everything a file reaches for by name: static, type-only, dynamic, re-exported, required, and module URLs. */
export function importsOf(file: SourceFile): Import[] {
  const found: Import[] = []
  for (const node of nodesOf(file.program)) {
    const specifier = specifierOf(node)
    if (specifier !== undefined) found.push({ specifier, node, kind: node.type === 'NewExpression' ? 'url' : 'import' })
  }
  return found
}

function specifierOf(node: Node): string | undefined {
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportAllDeclaration':
    case 'ExportNamedDeclaration':
    case 'ImportExpression':
    case 'TSImportType':
      return stringOf(child(node, 'source') ?? child(node, 'argument'))
    case 'CallExpression':
      return nameOf(child(node, 'callee')) === 'require' ? stringOf(children(node, 'arguments')[0]) : undefined
    case 'NewExpression':
      return moduleUrl(node)
    default:
      return undefined
  }
}

function moduleUrl(node: Node): string | undefined {
  if (nameOf(child(node, 'callee')) !== 'URL') return undefined
  const specifier = stringOf(children(node, 'arguments')[0])
  return specifier?.startsWith('.') && specifier.endsWith('.js') ? specifier : undefined
}

/** `./x.js` seen from `src/a/b.ts` → `src/a/x.ts`. */
export function resolveImport(from: string, specifier: string): string {
  const parts = from.split('/').slice(0, -1)
  for (const step of specifier.split('/')) {
    if (step === '..') parts.pop()
    else if (step !== '.') parts.push(step)
  }
  return parts.join('/').replace(/\.js$/, '.ts')
}
