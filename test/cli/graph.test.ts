import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Project } from './project.js'

const TASKS = `
import { chain, dag, group } from 'lovage'
export const one = app.task('one', () => 1)
export const inc = app.task('inc', (value: number) => value + 1)
export const nightly = chain(one.s(), group(inc.s(), inc.s()))
export const bill = dag({ a: one.s(), b: { run: inc.s(), after: 'a' } })
export const other = 7
`

const NIGHTLY = `flowchart LR
  n0["one"]
  n1["inc"]
  n2["inc"]
  n0 --> n1
  n0 --> n2
`

test('graph draws a canvas that the module exports', async () => {
  using project = new Project()
  const graph = (...words: string[]) => project.run(['-A', project.module('', TASKS), 'graph', ...words])
  assert.equal((await graph('nightly')).stdout, NIGHTLY)
  assert.match(
    (await graph('bill', '--format', 'dot')).stdout,
    /^digraph canvas \{.*n0 \[label="a\\none"\].*n0 -> n1\n\}\n$/s,
  )
  assert.deepEqual(JSON.parse((await graph('bill', '--json')).stdout).edges, [{ from: 'n0', to: 'n1', kind: 'next' }])
})

test('graph draws a signature that Celery has written, as an argument or from standard input', async () => {
  using project = new Project()
  const task = (name: string): object => ({
    task: name,
    args: [],
    kwargs: {},
    options: {},
    subtask_type: null,
    immutable: false,
  })
  const group = { ...task('celery.group'), kwargs: { tasks: [task('inc'), task('inc')] }, subtask_type: 'group' }
  const chain = { ...task('celery.chain'), kwargs: { tasks: [task('one'), group] }, subtask_type: 'chain' }
  assert.equal((await project.run(['graph', JSON.stringify(chain)])).stdout, NIGHTLY)
  assert.equal((await project.run(['graph', '-'], { input: JSON.stringify(chain) })).stdout, NIGHTLY)
})

test('graph shows the states of a workflow, by the id of a task, of a saved group, or by its tuple', async () => {
  using project = new Project()
  const id = '8f511516-e2f5-4da4-9d2f-0fb83a86e500'
  assert.equal((await project.run(['call', 'one', '--id', id])).code, 0)
  const drawn = 'flowchart LR\n  n0["8f511516<br/>PENDING"]:::waiting\n  classDef waiting fill:#ffffff,stroke:#555555\n'
  assert.equal((await project.run(['graph', id])).stdout, drawn)
  assert.equal((await project.run(['graph', JSON.stringify([[id, null], null])])).stdout, drawn)
  const behind = [['11111111-e2f5-4da4-9d2f-0fb83a86e500', [[id, null], null]], null]
  assert.match((await project.run(['graph', JSON.stringify(behind)])).stdout, /n1 --> n0/)
})

for (const [what, words, expected] of [
  ['an export that is no canvas', ['other'], /other is exported, but it is no canvas/],
  ['JSON that ends too early', ['{"task": '], /what cannot be read/],
  ['JSON that is no signature', ['{"args": []}'], /a signature has a task/],
  ['JSON that is no result', ['[1, 2, 3]'], /cannot be drawn/],
  [
    'a chord without a body',
    ['{"task": "celery.chord", "subtask_type": "chord", "kwargs": {"header": []}}'],
    /LVG_BAD_CANVAS.*chord\.body/,
  ],
  ['an unknown format', ['nightly', '--format', 'png'], /--format/],
] as const) {
  test(`graph refuses ${what}`, async () => {
    using project = new Project()
    const ran = await project.run(['-A', project.module('', TASKS), 'graph', ...words])
    assert.notEqual(ran.code, 0)
    assert.match(ran.stderr, expected)
    assert.equal(ran.stdout, '')
  })
}
