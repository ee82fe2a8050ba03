import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { buildPackage } from '../support/docs/built-package.js'
import { fits, pagesWithSamples, type Sample, samplesOf } from '../support/docs/samples.js'
import { repositoryRoot } from '../support/repository.js'

// Beside the compiled tests, so that the installed packages of the repository are found from there.
const BUILD = join(import.meta.dirname, '..', '..')

/** Longest run of a sample. */
const DEADLINE = 120_000

/** TypeScript is checked as strictly as it goes, and the published types with it. */
const STRICT = {
  target: 'ES2022',
  lib: ['ES2023', 'ESNext.Disposable'],
  module: 'NodeNext',
  types: ['node'],
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  verbatimModuleSyntax: true,
  rewriteRelativeImportExtensions: true,
  skipLibCheck: false,
  rootDir: '.',
  outDir: '../run',
}

const samples = pagesWithSamples().flatMap(samplesOf)
const typescript = samples.filter(sample => sample.language === 'ts')
const javascript = samples.filter(sample => sample.language === 'js')

describe('the samples of the pages', () => {
  let folder = ''

  before(() => {
    folder = mkdtempSync(join(BUILD, 'samples-'))
    buildPackage(join(folder, 'node_modules', 'lovage'))
    for (const sample of typescript) write(join(folder, 'ts'), sample)
    for (const sample of javascript) write(join(folder, 'js'), sample)
    config(join(folder, 'ts'), STRICT)
    config(join(folder, 'js'), { ...STRICT, allowJs: true, checkJs: true, noEmit: true, noImplicitAny: false })
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  test('TypeScript samples compile against the published types', () => {
    assert.equal(compile(join(folder, 'ts')), '')
  })

  test('JavaScript samples use what is there', () => {
    assert.equal(compile(join(folder, 'js')), '')
  })

  for (const sample of samples.filter(each => each.run)) {
    test(`${sample.page}:${sample.line} runs${sample.output === undefined ? '' : ' and prints what the page shows'}`, async () => {
      const printed = await runSample(sample, join(folder, sample.language === 'ts' ? 'run' : 'js', place(sample)))
      if (sample.output === undefined) return
      assert.ok(fits(sample.output, printed), `the page shows\n${sample.output}\nbut it printed\n${printed}`)
    })
  }
})

test('a sample that does not compile is told with its page and line', () => {
  const folder = mkdtempSync(join(BUILD, 'samples-'))
  try {
    write(folder, {
      ...(typescript[0] as Sample),
      file: 'wrong.ts',
      code: "const wrong: number = 'text'\nexport { wrong }\n",
    })
    config(folder, STRICT)
    assert.match(compile(folder), /wrong\.ts\(1,7\): error TS2322/)
  } finally {
    rmSync(folder, { recursive: true, force: true })
    rmSync(join(BUILD, 'run'), { recursive: true, force: true })
  }
})

test('output fits when it is the same, with … for anything within a line', () => {
  assert.ok(fits('sent …\n5\n', 'sent 4f0c\n5\n'))
  assert.ok(!fits('sent …\n5\n', 'sent 4f0c\n6\n'))
  assert.ok(!fits('sent …', 'sent 4f0c\n5\n'))
})

/** One folder per page: `docs/guide/tasks.md` → `docs-guide-tasks`. */
function place(sample: Sample): string {
  return sample.page.replace(/\.md$/, '').replaceAll('/', '-')
}

function write(folder: string, sample: Sample): void {
  const file = join(folder, place(sample), sample.file)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, sample.code)
}

function config(folder: string, compilerOptions: object): void {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['**/*.ts', '**/*.js'] }))
}

/** What the compiler complains of. */
function compile(folder: string): string {
  const tsc = join(repositoryRoot(), 'node_modules', 'typescript', 'bin', 'tsc')
  return spawnSync(process.execPath, [tsc, '-p', folder, '--pretty', 'false'], { encoding: 'utf8', cwd: folder }).stdout
}

function runSample(sample: Sample, folder: string): Promise<string> {
  const script = join(folder, basename(sample.file).replace(/\.ts$/, '.js'))
  const child = spawn(process.execPath, [script], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], timeout: DEADLINE })
  let printed = ''
  let complaints = ''
  child.stdout.on('data', chunk => (printed += chunk))
  child.stderr.on('data', chunk => (complaints += chunk))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => {
      if (code === 0) resolve(printed)
      else reject(new Error(`it ended with ${signal ?? code}:\n${complaints}`))
    })
  })
}
