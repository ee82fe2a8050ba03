import assert from 'node:assert/strict'
import { createServer, type Server, type Socket } from 'node:net'
import { test } from 'node:test'
import { nodeRuntime } from '../../lib/node-runtime.js'
import { PostgresConnection } from './connection.js'
import { PostgresError } from './postgres-error.js'
import { parsePostgresUrl } from './postgres-url.js'

/*
 * As much of PostgreSQL's protocol (v3, "Message Formats") as a statement without rows needs, behind a pooler that loses
 * statements between their parsing and their execution.
 */

const READY = frame('Z', Buffer.from('I'))
const DONE = Buffer.concat([frame('1'), frame('2'), frame('n'), frame('C', text('SELECT 0')), READY])
const LOST = Buffer.concat([
  frame(
    'E',
    Buffer.concat([text('SERROR'), text('C26000'), text('Munnamed prepared statement does not exist'), zero()]),
  ),
  READY,
])

function frame(type: string, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(5)
  head.write(type, 0, 'latin1')
  head.writeInt32BE(payload.length + 4, 1)
  return Buffer.concat([head, payload])
}

function text(value: string): Buffer {
  return Buffer.concat([Buffer.from(value), zero()])
}

function zero(): Buffer {
  return Buffer.alloc(1)
}

/** Loses so many statements first; the names under which statements came. */
async function pooler(
  loses: number,
): Promise<{ readonly server: Server; readonly url: string; readonly names: string[] }> {
  const names: string[] = []
  const serve = (socket: Socket): void => {
    let begun = false
    let rest = Buffer.alloc(0)
    socket.on('error', () => undefined)
    socket.on('data', data => {
      rest = Buffer.concat([rest, data])
      for (;;) {
        const at = begun ? 1 : 0
        if (rest.length < at + 4 || rest.length < at + rest.readInt32BE(at)) return
        const type = begun ? rest.toString('latin1', 0, 1) : ''
        const payload = rest.subarray(at + 4, at + rest.readInt32BE(at))
        rest = rest.subarray(at + rest.readInt32BE(at))
        if (!begun) socket.write(Buffer.concat([frame('R', Buffer.alloc(4)), READY]))
        begun = true
        if (type === 'P') names.push(payload.toString('utf8', 0, payload.indexOf(0)))
        if (type === 'S') socket.write(names.length <= loses ? LOST : DONE)
      }
    })
  }
  const server = createServer(serve)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { readonly port: number }
  return { server, url: `postgres://someone@127.0.0.1:${port}/any?sslmode=disable`, names }
}

const SQL = { name: 'look', text: 'SELECT WHERE $1' }

async function asked(loses: number): Promise<readonly string[]> {
  const { server, url, names } = await pooler(loses)
  try {
    const { clock } = nodeRuntime()
    await using connection = await PostgresConnection.open({ target: parsePostgresUrl(url), name: 'test', clock })
    assert.deepEqual(await connection.query(SQL, [1]), [])
    return names
  } finally {
    server.close()
  }
}

test('a statement keeps its name where the server keeps it', async () => {
  assert.deepEqual(await asked(0), ['look'])
})

test('behind a pooler that keeps none it is sent without a name', async () => {
  assert.deepEqual(await asked(1), ['look', ''])
})

test('one that is lost even so is sent again', async () => {
  assert.deepEqual(await asked(3), ['look', '', '', ''])
})

test('one that is always lost is refused in the end', async () => {
  await assert.rejects(asked(100), (error: unknown) => error instanceof PostgresError && error.sqlState === '26000')
})
