import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { buildPackage } from '../support/docs/built-package.js'
import { fits, type Sample, samplesOf } from '../support/docs/samples.js'
import { repositoryRoot } from '../support/repository.js'

/** For one command; npm may have to fetch what is not in its cache. */
const DEADLINE = 120_000

/*
 * The package as a user gets it: packed, and installed into an empty folder outside the repository, where nothing of ours
 * is found by chance.
 */
describe('the published package', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lovage-package-'))
  const shop = join(folder, 'shop')
  const installed = join(shop, 'node_modules', 'lovage')
  const children = new Set<ChildProcess>()
  let tarball = ''

  before(() => {
    // Below the build, so that the compiler finds the repository's packages.
    const built = mkdtempSync(join(import.meta.dirname, '..', '..', 'package-'))
    try {
      buildPackage(built)
      const packed = npm(built, 'pack', '--ignore-scripts', '--json', '--pack-destination', folder)
      tarball = join(folder, JSON.parse(packed)[0].filename)
    } finally {
      rmSync(built, { recursive: true, force: true })
    }
    mkdirSync(shop)
    writeFileSync(join(shop, 'package.json'), '{"name":"shop","private":true,"type":"module"}')
    npm(shop, 'install', '--no-audit', '--no-fund', '--prefer-offline', tarball)
    for (const sample of samplesOf('README.md')) writeFileSync(join(shop, sample.file), sample.code)
  })
  after(async () => {
    for (const child of children) child.kill('SIGKILL')
    await Promise.all([...children].map(child => ended(child)))
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  })

  test('it holds code, types, SQL, Lua and the three pages, and no test or source map', () => {
    const files = readdirSync(installed, { recursive: true, encoding: 'utf8' })
      .map(path => path.replaceAll('\\', '/'))
      .filter(path => /\.[a-z]+$/i.test(path) || path === 'LICENSE')
    const outside = files.filter(path => !path.startsWith('dist/')).sort()
    assert.deepEqual(outside, ['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json'])
    const odd = files.filter(path => path.startsWith('dist/') && !/(?<!\.test)\.(js|d\.ts|sql|lua)$/.test(path))
    assert.deepEqual(odd, [])
    assert.deepEqual(
      files.filter(path => /\.test\./.test(path)),
      [],
    )
    const mapped = files.filter(path => path.endsWith('.js') && /sourceMappingURL/.test(text(installed, path)))
    assert.deepEqual(mapped, [])
  })

  test('types of every source without tests are in it, and every SQL and Lua file', () => {
    const sources = readdirSync(join(repositoryRoot(), 'src'), { recursive: true, encoding: 'utf8' })
      .filter(path => /\.(ts|sql|lua)$/.test(path) && !path.endsWith('.test.ts'))
      .map(path => join(installed, 'dist', path.replace(/\.ts$/, '.d.ts')))
    assert.deepEqual(
      sources.filter(path => !existsSync(path)),
      [],
    )
  })

  test('every module is there that its code imports, or has threads and child processes load', () => {
    const code = readdirSync(join(installed, 'dist'), { recursive: true, encoding: 'utf8' })
      .map(path => join('dist', path))
      .filter(path => path.endsWith('.js'))
    const named = code.flatMap(path => {
      const beside = importsOf(text(installed, path)).map(other => join(dirname(path), other))
      const loaded = [...text(installed, path).matchAll(LOADED)].map(([, module = '', from = '']) =>
        join(dirname(path), dirname(from), module),
      )
      return [...beside, ...loaded]
    })
    assert.ok(named.some(path => path.endsWith(join('drivers', 'sqlite', 'thread.js'))))
    assert.deepEqual(
      named.filter(path => !existsSync(join(installed, path))),
      [],
    )
  })

  test('its front doors export what their sources do', async () => {
    for (const door of ['index', 'worker', 'beat', 'ports', 'testing']) {
      const published = await import(pathToFileURL(join(installed, 'dist', `${door}.js`)).href)
      const source = await import(`../../src/${door}.js`)
      assert.deepEqual(Object.keys(published).sort(), Object.keys(source).sort(), door)
    }
  })

  test('a program with a worker loads a dozen files of it at most before it starts, a client half a dozen', () => {
    const loadedBy = (...doors: readonly string[]): number => {
      const waiting = doors.map(door => join('dist', door))
      const seen = new Set(waiting)
      for (const path of waiting) {
        for (const other of importsOf(text(installed, path)).map(other => join(dirname(path), other))) {
          if (!seen.has(other)) waiting.push(other)
          seen.add(other)
        }
      }
      return seen.size
    }
    assert.ok(loadedBy('index.js') <= 6, `${loadedBy('index.js')} files`)
    assert.ok(loadedBy('index.js', 'worker.js') <= 12, `${loadedBy('index.js', 'worker.js')} files`)
  })

  test('npx lovage --version prints the version of the package', () => {
    const { version } = JSON.parse(text(installed, 'package.json'))
    assert.equal(run(shop, npx('lovage'), ['--version']).trim(), `lovage ${version}`)
  })

  test("the README's example runs as written, in TypeScript", async () => {
    const [worker] = await startWorker(shop, 'tasks.ts')
    const printed = run(shop, npx('jiti'), ['send.ts'])
    const output = readmeSample('send.ts').output ?? assert.fail('the README shows no output')
    assert.ok(fits(output, printed), printed)
    await stop(worker)
  })

  test("the README's example runs as written, in JavaScript", async () => {
    const [worker] = await startWorker(shop, 'tasks.js')
    const printed = run(shop, process.execPath, ['send.js'])
    assert.ok(fits(readmeSample('send.ts').output ?? '', printed), printed)
    await stop(worker)
  })

  test('its types compile without skipLibCheck, with the types of Node and as strictly as it goes', () => {
    const compilerOptions = {
      target: 'ES2022',
      lib: ['ES2023', 'ESNext.Disposable'],
      module: 'NodeNext',
      types: ['node'],
      typeRoots: [join(repositoryRoot(), 'node_modules', '@types')],
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      verbatimModuleSyntax: true,
      allowImportingTsExtensions: true,
      noEmit: true,
      skipLibCheck: false,
    }
    writeFileSync(join(shop, 'doors.ts'), ['', '/worker', '/ports', '/testing'].map(importAll).join('\n'))
    const config = { compilerOptions, include: ['tasks.ts', 'send.ts', 'doors.ts'] }
    writeFileSync(join(shop, 'tsconfig.json'), JSON.stringify(config))
    assert.equal(tsc(shop), '')
  })

  for (const [language, flags] of [
    ['typescript', []],
    ['javascript', ['--javascript']],
  ] as const) {
    test(`a project of lovage init works: ${language}`, async () => {
      const project = join(folder, language)
      run(shop, npx('lovage'), ['init', ...flags, project])
      // What `npm install` would install, with this very package for the one of the registry.
      npm(project, 'install', '--no-audit', '--no-fund', '--prefer-offline', '--omit=dev', tarball)
      const { scripts } = JSON.parse(text(project, 'package.json'))
      const [worker, told] = await startWorker(project, undefined)
      assert.match(told(), /tasks\.add/)
      const [command = '', ...words] = String(scripts.send).split(' ')
      const printed = run(project, command === 'node' ? process.execPath : npx(command), words)
      assert.match(printed, /2 \+ 3 = 5\nHello, world!\n$/)
      await stop(worker)
    })
  }

  /** Resolves when the worker says that it is ready; with what it has said so far. */
  async function startWorker(cwd: string, app: string | undefined): Promise<[ChildProcess, () => string]> {
    const words = ['worker', ...(app === undefined ? [] : ['-A', app]), '--loglevel', 'info']
    const worker = spawn(join(cwd, 'node_modules', '.bin', 'lovage'), words, { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
    children.add(worker)
    let said = ''
    await new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`the worker is not ready:\n${said}`)), DEADLINE)
      const listen = (chunk: unknown): void => {
        said += String(chunk)
        if (/ ready\./.test(said)) finish(resolve)
      }
      const finish = (settle: () => void): void => {
        clearTimeout(late)
        settle()
      }
      worker.stdout?.on('data', listen)
      worker.stderr?.on('data', listen)
      worker.on('error', error => finish(() => reject(error)))
      worker.on('exit', code => finish(() => reject(new Error(`the worker ended with ${code}:\n${said}`))))
    })
    return [worker, () => said]
  }

  /** TERM, and the exit status of a clean stop. */
  async function stop(worker: ChildProcess): Promise<void> {
    worker.kill('SIGTERM')
    const late = setTimeout(() => worker.kill('SIGKILL'), DEADLINE)
    assert.equal(await ended(worker), 0)
    clearTimeout(late)
    children.delete(worker)
  }

  function npx(name: string): string {
    return join(shop, 'node_modules', '.bin', name)
  }
})

/** How the bundle names a module that is to be loaded: beside the place that the source of the text had. */
const LOADED = /new URL\(["'](\.[^"']+\.js)["'], new URL\("([^"]+)", import\.meta\.url\)\.href\)/g

/** Modules of the package that a text imports before it runs. */
function importsOf(code: string): readonly string[] {
  return [...code.matchAll(/^(?:import|export) (?:[^'"]* from )?"(\.[^"]+)";/gm)].map(([, path = '']) => path)
}

function ended(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode)
  return new Promise(resolve => child.once('exit', code => resolve(code)))
}

function readmeSample(file: string): Sample {
  return samplesOf('README.md').find(sample => sample.file === file) ?? assert.fail(`the README has no ${file}`)
}

function importAll(door: string, i: number): string {
  return `import * as door${i} from 'lovage${door}'\nexport { door${i} }`
}

function text(folder: string, path: string): string {
  return readFileSync(join(folder, path), 'utf8')
}

function tsc(cwd: string): string {
  const compiler = join(repositoryRoot(), 'node_modules', 'typescript', 'bin', 'tsc')
  return spawnSync(process.execPath, [compiler, '-p', '.', '--pretty', 'false'], { cwd, encoding: 'utf8' }).stdout
}

function npm(cwd: string, ...words: readonly string[]): string {
  const script = process.env['npm_execpath']
  return script?.endsWith('.js') ? run(cwd, process.execPath, [script, ...words]) : run(cwd, 'npm', words)
}

function run(cwd: string, command: string, words: readonly string[]): string {
  const done = spawnSync(command, words, { cwd, encoding: 'utf8', timeout: DEADLINE })
  const what = `${command} ${words.join(' ')}`
  assert.equal(done.status, 0, `${what} ended with ${done.status ?? done.signal}:\n${done.stdout}${done.stderr}`)
  return done.stdout
}
