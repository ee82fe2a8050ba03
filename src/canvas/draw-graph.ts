import type { CanvasGraph, GraphEdge, GraphNode } from './canvas-graph.js'

export type GraphFormat = 'mermaid' | 'dot'

/** A graph as text: for Mermaid (https://mermaid.js.org), or in Graphviz's language. Labels may hold anything. */
export function drawGraph(graph: CanvasGraph, format: GraphFormat = 'mermaid'): string {
  return format === 'dot' ? dot(graph) : mermaid(graph)
}

function mermaid({ nodes, edges }: CanvasGraph): string {
  const states = new Set(nodes.flatMap(({ state }) => (state === undefined ? [] : [looksOf(state)])))
  const classes = [...states].sort().map(look => `  classDef ${look} fill:${COLORS[look]},stroke:#555555`)
  const lines = [...nodes.map(mermaidNode), ...edges.map(mermaidEdge), ...classes]
  return ['flowchart LR', ...lines, ''].join('\n')
}

function mermaidNode(node: GraphNode): string {
  if (node.kind === 'gather') return `  ${node.id}((" "))`
  const look = node.state === undefined ? '' : `:::${looksOf(node.state)}`
  return `  ${node.id}["${linesOf(node).map(mermaidText).join('<br/>')}"]${look}`
}

const MERMAID_ARROWS: Readonly<Record<GraphEdge['kind'], string>> = {
  next: '-->',
  link: '-. link .->',
  error: '-. error .->',
}

function mermaidEdge({ from, to, kind }: GraphEdge): string {
  return `  ${from} ${MERMAID_ARROWS[kind]} ${to}`
}

/** Whatever might mean something to Mermaid or in HTML as its code. */
function mermaidText(text: string): string {
  return [...text].map(char => (/[\w .,:()×-]/.test(char) ? char : `#${char.codePointAt(0)};`)).join('')
}

function dot({ nodes, edges }: CanvasGraph): string {
  const lines = [...nodes.map(dotNode), ...edges.map(dotEdge)]
  return [
    'digraph canvas {',
    '  rankdir=LR',
    '  node [shape=box, style="rounded,filled", fillcolor=white]',
    ...lines,
    '}',
    '',
  ].join('\n')
}

function dotNode(node: GraphNode): string {
  if (node.kind === 'gather') return `  ${node.id} [shape=point, label=""]`
  const color = node.state === undefined ? '' : `, fillcolor="${COLORS[looksOf(node.state)]}"`
  return `  ${node.id} [label="${linesOf(node).map(dotText).join('\\n')}"${color}]`
}

const DOT_LOOKS: Readonly<Record<GraphEdge['kind'], string>> = {
  next: '',
  link: ' [style=dashed, label="link"]',
  error: ' [style=dotted, label="error"]',
}

function dotEdge({ from, to, kind }: GraphEdge): string {
  return `  ${from} -> ${to}${DOT_LOOKS[kind]}`
}

function dotText(text: string): string {
  return text.replace(/["\\]/g, '\\$&')
}

function linesOf({ label, state }: GraphNode): readonly string[] {
  // Nothing but line ends divides lines.
  const lines = label.split('\n').map(line => line.replace(/\p{Cc}/gu, ' '))
  return state === undefined ? lines : [...lines, state.replace(/\p{Cc}/gu, ' ')]
}

type Look = keyof typeof COLORS

const COLORS = {
  succeeded: '#c8e6c9',
  failed: '#ffcdd2',
  revoked: '#e0e0e0',
  running: '#bbdefb',
  waiting: '#ffffff',
} as const

function looksOf(state: string): Look {
  switch (state) {
    case 'SUCCESS':
      return 'succeeded'
    case 'FAILURE':
      return 'failed'
    case 'REVOKED':
      return 'revoked'
    case 'PENDING':
      return 'waiting'
    default:
      return 'running'
  }
}
