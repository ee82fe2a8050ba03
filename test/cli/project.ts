import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { plainModule } from '../support/plain-module.js'
import { FakeIo, type FakeIoOptions, lovage, type Ran } from './fake-io.js'

/** Tasks that most tests need; a `lovage` import is the copy under test. */
const TASKS = `
export const add = app.task('tasks.add', (x: number, y: number) => x + y)
export const fail = app.task('tasks.fail', (): never => { throw new RangeError('out of range') })
`

/** A folder with an app on a SQLite file of its own. */
export class Project implements Disposable {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'lovage-cli-'))
  readonly database: string = join(this.folder, 'lovage.db')
  #runs = 0

  path(name: string): string {
    return join(this.folder, name)
  }

  write(name: string, text: string): string {
    writeFileSync(this.path(name), text)
    return this.path(name)
  }

  /** Settings of an app on the project's file. */
  get settings(): string {
    return `brokerUrl: 'sqlite:///${this.database}', resultBackend: 'db+sqlite:///${this.database}'`
  }

  /** Source of a module that exports the app. */
  source(settings = '', tasks: string = TASKS): string {
    return `import { App, currentTask } from 'lovage'\nexport const app = new App('demo', { ${this.settings}, ${settings} })\n${tasks}`
  }

  /** Runs `lovage …words` in this process, each time with an app of its own: a module is loaded once per process. */
  run(words: readonly string[], options: FakeIoOptions = {}): Promise<Ran> {
    return lovage(['-A', this.module(), ...words], this.io(options))
  }

  io(options: FakeIoOptions = {}): FakeIo {
    return new FakeIo({ cwd: this.folder, ...options })
  }

  /** A module with the app that no run has loaded yet. */
  module(settings = '', tasks: string = TASKS): string {
    return this.plain(`app-${++this.#runs}`, this.source(settings, tasks))
  }

  /** Writes `name`.mjs, TypeScript without its types. */
  plain(name: string, typescript: string): string {
    return plainModule(this.folder, name, typescript)
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}
