// A reporter for node --test that names the tests which were skipped or are still to do, one per line.
import { relative } from 'node:path'

export default async function* skipReporter(source) {
  for await (const { type, data } of source) {
    if (type !== 'test:pass' && type !== 'test:fail') continue
    const mark = data.skip ?? data.todo
    if (mark === undefined || mark === false) continue
    const where = data.file === undefined ? '' : `${relative(process.cwd(), data.file)}: `
    yield `${where}${data.name}${typeof mark === 'string' && mark !== '' ? ` (${mark})` : ''}\n`
  }
}
