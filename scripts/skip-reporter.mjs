// A reporter for node --test that names the tests which were skipped or are still to do, one per line.
import { relative } from 'node:path'

/** Tests that whoever started the run did not ask for. */
const NOT_ASKED_FOR = ['test name does not match pattern', "'only' option not set"]

export default async function* skipReporter(source) {
  for await (const { type, data } of source) {
    if (type !== 'test:pass' && type !== 'test:fail') continue
    const mark = data.skip ?? data.todo
    if (mark === undefined || mark === false || NOT_ASKED_FOR.includes(mark)) continue
    const where = data.file === undefined ? '' : `${relative(process.cwd(), data.file)}: `
    yield `${where}${data.name}${typeof mark === 'string' && mark !== '' ? ` (${mark})` : ''}\n`
  }
}
