import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { App } from '../../src/app/app.js'
import { allSteps } from '../../src/protocol/chain-steps.js'
import { decodeTask } from '../../src/protocol/decode-task.js'
import { decodeGroup, decodeResult } from '../../src/protocol/encode-result.js'
import type { GroupId } from '../../src/protocol/ids.js'
import type { Message } from '../../src/protocol/message.js'
import type { TaskRequest } from '../../src/protocol/request.js'
import type { ResultMeta } from '../../src/protocol/result-meta.js'
import { isFinal } from '../../src/protocol/states.js'
import { testCluster } from '../../src/testing/cluster/test-cluster.js'
import { registerInteropTasks } from '../interop/tasks.js'
import { captured } from '../support/captured.js'
import { vector } from '../support/vectors.js'

/*
 * Canvases that real Celery sent and ran, played once more: a Lovage worker is given the messages that Python's client sent, and
 * must send what Python's worker sent, with the same arguments, and come to the same ends.
 */

const CANVASES: readonly string[] = [
  'add_to_chord',
  'chain3',
  'chain_error',
  'chain_group_end',
  'chain_group_middle',
  'chord2',
  'chord_body_group',
  'chord_error',
  'chord_in_chord',
  'chord_of_chains',
  'deep_nest',
  'group3',
  'group_of_chords',
  'link',
  'link_error_full',
  'link_error_id',
  'link_error_many',
  'link_many',
  'map_starmap_chunks',
  'replace_add',
  'replace_chain',
  'replace_chord',
  'replace_group',
  'replace_in_chain',
  'replace_in_chord',
  'replace_nested',
  'retry_in_chain',
  'retry_in_chord',
]

describe('a canvas that Celery sent goes its way here as it did there', () => {
  for (const version of ['celery-5.6.2', 'celery-5.2.6']) {
    for (const name of CANVASES) {
      test(`${name}, of ${version}`, async () => {
        const theirs = recorded(`${version}/worker/redis/${name}.json`)
        const ours = await play(theirs)
        // What was added to a chord stands at the index of its adder, among those there by chance.
        const sent = (all: readonly string[]) => (name === 'add_to_chord' ? all.map(inNoOrder) : all)
        assert.deepEqual(sent(ours.sent), sent(theirs.sent))
        assert.deepEqual(ours.ends, theirs.ends)
      })
    }
  }
})

interface Recorded {
  readonly vector: Vector
  /** What the client sent. */
  readonly begun: readonly Begun[]
  /** What the worker sent for it. */
  readonly sent: readonly string[]
  readonly ends: readonly string[]
}

interface Begun {
  readonly message: Message
  readonly request: TaskRequest
}

interface Shown {
  readonly task: string
  readonly args: readonly unknown[]
  readonly kwargs: unknown
}

interface Vector {
  readonly redis_commands: readonly { readonly from: string; readonly cmd: readonly unknown[] }[]
  readonly redis_state_after: Readonly<Record<string, { readonly value: unknown }>>
}

function recorded(path: string): Recorded {
  const app = new App('interop')
  const file: Vector = vector(path)
  const requests = captured((file as { readonly messages?: unknown }).messages).flatMap(piece => {
    if (piece.kind !== 'message') return []
    const decoded = decodeTask(piece.message, app.codec)
    return decoded.kind === 'task' ? [{ message: piece.message, request: decoded.request, from: piece.from }] : []
  })
  const seen = new Set<string>()
  const sent = requests.flatMap(({ request, from }) => {
    const again = seen.has(request.id)
    seen.add(request.id)
    // A retry, and what takes a task's place, have its id.
    return from !== 'worker' || again ? [] : [shown(request)]
  })
  const records = Object.entries(file.redis_state_after).filter(([key]) => key.startsWith('celery-task-meta-'))
  const metas = records.map(([, { value }]) => decodeResult(Buffer.from(String(value)), app.codec))
  const begun = requests.filter(({ from }) => from === 'client')
  return { vector: file, begun, sent: sent.toSorted(), ends: metas.map(shownEnd).toSorted() }
}

async function play({ vector: file, begun }: Recorded): Promise<Pick<Recorded, 'sent' | 'ends'>> {
  const app = new App('interop')
  registerInteropTasks(app, { rpush: async () => 1, incr: async () => 1 })
  await using cluster = await testCluster({ app })
  const backend = await app.resultBackend()
  for (const { from, cmd } of file.redis_commands) {
    const [, id, part] = /^celery-taskset-meta-([0-9a-f-]{36})(\.s)?$/.exec(String(cmd[1])) ?? []
    if (from !== 'client' || !/^SET/.test(String(cmd[0])) || id === undefined) continue
    const value = String(cmd.at(cmd[0] === 'SET' ? 2 : 3))
    if (part === '.s') await backend.setChordSize(id as GroupId, Number(value), undefined)
    else await backend.saveGroup(decodeGroup(Buffer.from(value), app.codec), undefined)
  }
  await using connection = await (await app.broker('write')).connect({ name: 'python' })
  for (const { message, request } of begun) {
    await connection.publish(message, { exchange: '', routingKey: 'celery' }, { publishId: `${request.id}:given` })
  }
  await cluster.drain()
  const own = new Set(begun.map(({ request }) => request.id as string))
  const sent = cluster.tasks.filter(({ id }) => !own.has(id)).map(task => shown({ ...task, task: task.name }))
  const metas = await Promise.all([...idsOf(begun, cluster.tasks)].map(id => app.result(id).meta()))
  return {
    sent: sent.toSorted(),
    ends: metas
      .filter(({ status }) => isFinal(status))
      .map(shownEnd)
      .toSorted(),
  }
}

/** Of all tasks that were sent, or were to be. */
function idsOf(begun: readonly Begun[], tasks: readonly { readonly id: string }[]): ReadonlySet<string> {
  const embedded = JSON.stringify(
    begun.map(({ request }) => [request.id, allSteps(request.chain), request.chord, request.callbacks]),
  )
  return new Set([...tasks.map(({ id }) => id), ...[...embedded.matchAll(ID)].map(([id]) => id)])
}

const ID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g

function shown({ task, args, kwargs }: Shown): string {
  return anonymous(`${task} ${JSON.stringify([args, kwargs])}`)
}

/** The first list of values sorted. */
function inNoOrder(text: string): string {
  return text.replace(/\[\[\[(.*?)\]/, (_, values: string) => `[[[${values.split(',').toSorted().join(',')}]`)
}

function shownEnd({ status, result, error }: ResultMeta): string {
  return anonymous(`${status} ${JSON.stringify(error === undefined ? result : [error.type, error.args])}`)
}

/** Ids that a worker makes are others each time. */
function anonymous(text: string): string {
  return text.replace(ID, 'ID')
}
