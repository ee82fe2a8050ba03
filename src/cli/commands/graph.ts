import {
  type AnyResult,
  type CanvasGraph,
  canvasGraph,
  type Dag,
  drawGraph,
  isDag,
  type Signature,
  signatureFromDict,
  workflowGraph,
} from '../../index.js'
import { LovageError } from '../../lib/errors.js'
import { resultTupleFromWire } from '../../protocol/result-tuple.js'
import { type Command, type CommandContext, defineCommand } from '../command.js'
import { UsageError } from '../errors.js'
import { EXIT } from '../exit-code.js'
import type { Io } from '../io.js'
import { readJsonArgument } from '../json-argument.js'
import type { LoadedApp } from '../loaded-app.js'
import { choice } from '../option.js'
import { outside } from '../output.js'

export const graph: Command = defineCommand({
  name: 'graph',
  summary: 'Draw a canvas, or a workflow with its states.',
  description:
    "Prints a canvas as text that Mermaid or Graphviz draws. A canvas is the name of an export of the module that -A names, or a signature as JSON (Celery's form). A workflow that has been sent is the id of a task in it, best of the one it ends with, the id of a saved group, or a result as JSON (Celery's as_tuple); each task is shown with its state. Values that begin with { or [ are JSON; @file reads JSON from a file and - from standard input. Names of tasks that have been sent are known where workers have resultExtended.",
  arguments: [{ name: 'what', description: 'An id, the name of an export, or JSON.', required: true }],
  options: {
    format: choice('--format <name>', ['mermaid', 'dot'], 'For Mermaid (the default), or for Graphviz.'),
  },
  examples: [
    { line: 'lovage graph nightly -A tasks.ts', does: 'What the exported canvas `nightly` consists of.' },
    {
      line: 'lovage graph 8f511516-e2f5-4da4-9d2f-0fb83a86e500 --format dot | dot -Tsvg > now.svg',
      does: 'How far a workflow has come.',
    },
  ],
  run: async (context, { format }, io) => {
    const found = await find(context.arguments['what']?.[0] ?? '', context, io)
    context.out.result(found, () =>
      drawGraph(found, format ?? 'mermaid')
        .trimEnd()
        .split('\n')
        .map(outside),
    )
    return EXIT.ok
  },
})

async function find(what: string, context: CommandContext, io: Io): Promise<CanvasGraph> {
  if (/^([{[@]|-$)/.test(what)) {
    const value = await readJsonArgument('what', what, io)
    if (!Array.isArray(value)) return canvasGraph(readWith(signatureFromDict, value))
    const tuple = readWith(resultTupleFromWire, value)
    const { app } = await context.loadApp()
    return await workflowGraph(app.resultOf(tuple), app)
  }
  const loaded = await context.loadApp()
  const canvas = canvasCalled(what, loaded)
  if (canvas !== undefined) return canvasGraph(canvas)
  const { app } = loaded
  const result: AnyResult = (await app.groupResult(what)) ?? app.result(what)
  return await workflowGraph(result, app)
}

function canvasCalled(name: string, { exports }: LoadedApp): Signature | Dag | undefined {
  const value = Object.hasOwn(exports, name) ? exports[name] : undefined
  if (value === undefined) return undefined
  if (isDag(value)) return value
  if (typeof value === 'object' && value !== null && 'subtaskType' in value) return value as Signature
  throw new UsageError(`${name} is exported, but it is no canvas: neither a signature nor a dag`)
}

function readWith<T>(read: (value: unknown) => T, value: unknown): T {
  try {
    return read(value)
  } catch (cause) {
    if (cause instanceof LovageError) throw new UsageError(`the JSON cannot be drawn: ${cause.message}`, { cause })
    throw cause
  }
}
