import assert from 'node:assert/strict'
import { groupId, type TaskId, taskId } from '../../protocol/ids.js'
import type { GroupMeta, ResultTuple } from '../../protocol/result-meta.js'
import type { BackendCase } from './backend-bench.js'

const task = (id: TaskId, parent?: ResultTuple): ResultTuple => ({ id, parent, members: undefined })

/** Saved groups: results.md §7. */
export const GROUPS: readonly BackendCase[] = (
  [
    {
      name: 'a saved group comes back with its members, nested ones too, and its parent',
      async run(bench) {
        const backend = await bench.open()
        const members = bench.ids(3).map(id => task(id))
        const nested: ResultTuple = { id: groupId('inner'), parent: undefined, members: [task(taskId('deep'))] }
        const parent = task(taskId('header'), task(taskId('root')))
        const group: GroupMeta = { id: groupId('g'), parent, members: [...members, nested] }
        await backend.saveGroup(group, undefined)
        assert.deepEqual(await backend.fetchGroup(group.id), group)
      },
    },
    {
      name: 'an empty group is a group; an unknown one is none',
      async run(bench) {
        const backend = await bench.open()
        const empty: GroupMeta = { id: groupId('empty'), parent: undefined, members: [] }
        await backend.saveGroup(empty, undefined)
        assert.deepEqual(await backend.fetchGroup(empty.id), empty)
        assert.equal(await backend.fetchGroup(groupId('unknown')), undefined)
      },
    },
    {
      name: 'saving again replaces; forgetting forgets, twice is fine',
      async run(bench) {
        const backend = await bench.open()
        const group: GroupMeta = { id: groupId('g'), parent: undefined, members: [task(bench.id())] }
        await backend.saveGroup({ ...group, members: [] }, undefined)
        await backend.saveGroup(group, undefined)
        assert.deepEqual(await backend.fetchGroup(group.id), group)
        await backend.forgetGroup(group.id)
        await backend.forgetGroup(group.id)
        assert.equal(await backend.fetchGroup(group.id), undefined)
      },
    },
    {
      name: 'another process reads a saved group of ten thousand',
      needs: ['shared'],
      async run(bench) {
        const [writer, reader] = [await bench.open(), await bench.open()]
        const group: GroupMeta = {
          id: groupId('large'),
          parent: undefined,
          members: bench.ids(10_000).map(id => task(id)),
        }
        await writer.saveGroup(group, undefined)
        assert.deepEqual(await reader.fetchGroup(group.id), group)
      },
    },
  ] satisfies readonly BackendCase[]
).map(one => ({ ...one, needs: ['groups', ...('needs' in one ? one.needs : [])] }))
