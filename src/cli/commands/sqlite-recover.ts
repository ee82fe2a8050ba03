import { resolve } from 'node:path'
import { recoverSqlite } from '../../brokers/sqlite/recover.js'
import { type Command, defineCommand } from '../command.js'
import { EXIT } from '../exit-code.js'
import { text } from '../option.js'
import { outside } from '../output.js'
import { counted } from '../plural.js'

export const sqliteRecover: Command = defineCommand({
  name: 'recover',
  summary: 'Save what is readable of a damaged file.',
  description:
    'Copies every message and result that can still be read from a damaged file into a new one, and leaves the damaged one as it is. Messages that a worker held are ready again, counted as after a fault. Stop every process that uses the file first. Exit status 1 when some rows could not be read.',
  arguments: [{ name: 'file', description: 'The damaged file.', required: true }],
  options: {
    out: text('-o, --out <file>', 'The new file; must not exist. Default: the name with .recovered behind it.'),
  },
  examples: [
    { line: 'lovage sqlite recover lovage.db.damaged', does: 'Into lovage.db.damaged.recovered.' },
    { line: 'lovage sqlite recover lovage.db.damaged -o lovage.db', does: 'To where the app looks for it.' },
  ],
  run: async (context, options, io) => {
    const file = resolve(io.cwd(), context.arguments['file']?.[0] ?? '')
    const out = options.out === undefined ? `${file}.recovered` : resolve(io.cwd(), options.out)
    const tables = recoverSqlite(file, out)
    const complete = tables.every(table => table.complete)
    context.out.result({ file, out, complete, tables }, () => [
      ...tables.map(
        table =>
          `${outside(table.name)}: ${counted(table.rows, 'row')}${table.complete ? '' : ', others could not be read'}`,
      ),
      `${complete ? 'Everything' : 'What was readable'} is in ${outside(out)}.`,
    ])
    return complete ? EXIT.ok : EXIT.error
  },
})
