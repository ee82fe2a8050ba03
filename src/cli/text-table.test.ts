import assert from 'node:assert/strict'
import { test } from 'node:test'
import { textTable } from './text-table.js'

test('columns are as wide as their widest cell and numbers stand right', () => {
  assert.deepEqual(
    textTable(
      ['QUEUE', 'READY'],
      [
        ['celery', 12],
        ['a-long-queue-name', 3],
      ],
    ),
    ['QUEUE              READY', 'celery                12', 'a-long-queue-name      3'],
  )
})

test('S100 a name with escape sequences and line ends stays on its line', () => {
  const [, row] = textTable(['QUEUE'], [['evil\u001b[2J\nforged']])
  assert.equal(row, 'evil\\u001b[2J\\nforged')
})
