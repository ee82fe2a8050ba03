import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../set-up.mjs'

const PAGE = join(root, 'docs', 'internals', 'test-times.md')
const ROW = /^\| `(.+)` \| ([\d.]+) \|/

/** Shorter ones are not worth a line. */
const SHOWN_SECONDS = 2

/** Path of a test file → seconds that it took when it was last measured. */
export function knownTimes() {
  const lines = existsSync(PAGE) ? readFileSync(PAGE, 'utf8').split('\n') : []
  return new Map(
    lines.flatMap(line => {
      const [, path, seconds] = ROW.exec(line) ?? []
      return path === undefined ? [] : [[path, Number(seconds)]]
    }),
  )
}

/** Files that did not run keep their line. */
export function writeTimes(runs) {
  const all = new Map([...knownTimes(), ...runs.map(({ source, seconds }) => [source, seconds])])
  const rows = [...all]
    .filter(([path, seconds]) => seconds >= SHOWN_SECONDS && existsSync(join(root, path)))
    .sort(([, a], [, b]) => b - a)
    .map(([path, seconds]) => `| \`${path}\` | ${seconds.toFixed(0)} |`)
  const total = [...all.values()].reduce((sum, seconds) => sum + seconds, 0)
  writeFileSync(
    PAGE,
    `# How long the tests take

Written by \`npm test -- --times\`: seconds of each test file, beside others on two cores. Longer ones are started first. Those below
${SHOWN_SECONDS} s have no line; all together it is ${Math.round(total / 60)} minutes of files.

| file | s |
| --- | --- |
${rows.join('\n')}
`,
  )
}
