import { join } from 'node:path'
import { App } from '../../../src/app/app.js'
import { openUserSqlite } from '../../support/user-sqlite.js'

/* outbox-writer FOLDER: puts three tasks into the outbox, commits, says their ids, and is gone before anything is relayed. */

const [folder = ''] = process.argv.slice(2)
const path = join(folder, 'shop.db')
const app = new App(
  'shop',
  { brokerUrl: `sqlite:///${join(folder, 'app.db')}`, outboxUrl: `sqlite:///${path}`, resultBackend: 'disabled' },
  { environment: {} },
)
const db = openUserSqlite(path)
db.exec('BEGIN IMMEDIATE')
const ids: string[] = []
for (let i = 0; i < 3; i++) ids.push((await app.sendTask('mail', [i], { dispatchOnCommit: db })).id)
db.exec('COMMIT')
process.stdout.write(`${ids.join('\n')}\n`, () => process.kill(process.pid, 'SIGKILL'))
