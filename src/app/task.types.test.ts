import { test } from 'node:test'
import type { TypedSignature } from '../canvas/typed-signature.js'
import type { App } from './app.js'
import type { AsyncResult } from './async-result.js'
import type { TaskError } from './errors.js'
import { addLink } from './set-options.js'
import type { SettingsInput } from './settings.js'

/*
 * What the compiler must know and must refuse, from handler to result. Nothing here runs: the file is right when it
 * compiles, and each `@ts-expect-error` fails the build when its line is accepted.
 */

test('types are checked by the compiler', () => {})

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
function same<A, B>(_: Same<A, B>): void {}

declare const app: App

export async function handlersAndResults(): Promise<void> {
  const resize = app.task('resize', async (url: string, width: number) => ({ url, pixels: width * width }))
  const result = await resize.delay('a.png', 800)
  same<typeof result, AsyncResult<{ url: string; pixels: number }>>(true)
  const value = await result.get()
  same<typeof value, { url: string; pixels: number }>(true)
  const either = await result.get({ propagate: false })
  same<typeof either, { url: string; pixels: number } | TaskError>(true)
  // Called as the function it is.
  same<Awaited<ReturnType<typeof resize>>, { url: string; pixels: number }>(true)
  const { pixels } = await resize('a.png', 800)
  same<typeof pixels, number>(true)

  // @ts-expect-error an argument is missing
  await resize.delay('a.png')
  // @ts-expect-error an argument has the wrong type
  await resize.delay('a.png', '800')
  // @ts-expect-error an argument too many
  await resize.delay('a.png', 800, true)
  // @ts-expect-error called directly, arguments are checked as well
  resize(800)
  // @ts-expect-error the result has no such member
  value.height
}

export async function plainHandlers(): Promise<void> {
  const add = app.task('add', (a: number, b: number) => a + b)
  const sum = await (await add.delay(1, 2)).get()
  same<typeof sum, number>(true)

  const nothing = app.task('nothing', () => {})
  same<Awaited<ReturnType<Awaited<ReturnType<typeof nothing.delay>>['get']>>, void>(true)
  // @ts-expect-error it takes no arguments
  await nothing.delay(1)

  const sometimes = app.task('sometimes', (flag: boolean) => (flag ? Promise.resolve('later') : 'now'))
  same<Awaited<ReturnType<typeof sometimes.delay>>, AsyncResult<string>>(true)
}

export async function argumentTuples(): Promise<void> {
  const add = app.task('add', (a: number, b: number) => a + b)
  await add.applyAsync([1, 2], { countdown: '5m', priority: 3 })
  const args = [1, 2] as const
  await add.applyAsync(args)
  const list: number[] = [1, 2]
  // @ts-expect-error nobody knows how many there are
  await add.applyAsync(list)
  // @ts-expect-error one is missing
  await add.applyAsync([1])
  // @ts-expect-error no such option
  await add.applyAsync([1, 2], { countDown: 5 })
  // @ts-expect-error not an exchange type
  await add.applyAsync([1, 2], { exchangeType: 'headers' })
  // With keyword arguments the positional ones may be fewer.
  await add.applyAsync([1], { kwargs: { b: 2 } })
}

export async function optionalAndRest(): Promise<void> {
  const mail = app.task(
    'mail',
    async (to: string, subject = 'hello', ..._copies: string[]) => subject.length + to.length,
  )
  await mail.delay('a@b')
  await mail.delay('a@b', 'hi')
  await mail.delay('a@b', 'hi', 'c@d', 'e@f')
  await mail.applyAsync(['a@b'])
  // @ts-expect-error the first is needed
  await mail.delay()
  // @ts-expect-error a copy that is no text
  await mail.delay('a@b', 'hi', 7)
}

export async function readonlyArguments(): Promise<void> {
  const total = app.task('total', (numbers: readonly number[], options: { readonly round: boolean }) =>
    options.round ? Math.round(numbers.length) : numbers.length,
  )
  await total.delay([1, 2, 3], { round: true })
  const frozen: readonly number[] = Object.freeze([1, 2])
  await total.delay(frozen, { round: false })
}

export async function generics(): Promise<void> {
  const echo = app.task('echo', <T>(value: T): T => value)
  const result = await echo.delay('x')
  same<typeof result, AsyncResult<unknown>>(true)

  const typed = await app.sendTask<number>('py.add', [1, 2])
  same<typeof typed, AsyncResult<number>>(true)
  const untyped = await app.sendTask('py.add')
  same<typeof untyped, AsyncResult<unknown>>(true)
  same<ReturnType<typeof app.result>, AsyncResult<unknown>>(true)
}

export async function signatures(): Promise<void> {
  const fetchPage = app.task('fetch', async (url: string) => new TextEncoder().encode(url).length)
  const add = app.task('add', (a: number, b: number) => a + b)
  const log = app.task('log', (text: string) => text)
  const notify = app.task('notify', () => {})

  same<ReturnType<typeof fetchPage.si>, TypedSignature<readonly unknown[], number>>(true)
  const complete = add.s(1, 2)
  same<typeof complete, TypedSignature<readonly [], number>>(true)
  const partial = add.s(2)
  same<typeof partial, TypedSignature<readonly [number], number>>(true)
  const open = add.s()
  same<typeof open, TypedSignature<readonly [number, number], number>>(true)
  // @ts-expect-error the last argument is a number
  add.s('x')
  // @ts-expect-error there are only two
  add.s(1, 2, 3)

  // A link is called with the result in front of its own arguments.
  const linked = addLink(fetchPage.s('https://x'), 'link', add.s(1))
  same<typeof linked, TypedSignature<readonly [], number>>(true)
  addLink(fetchPage.s('https://x'), 'link', notify.si())
  // @ts-expect-error it would be given a number where it takes text
  addLink(fetchPage.s('https://x'), 'link', log.s())
  // @ts-expect-error it would be given one argument too many
  addLink(fetchPage.s('https://x'), 'link', log.s('text'))
  // @ts-expect-error one argument would still be missing
  addLink(fetchPage.s('https://x'), 'link', add.s())
  // An errback is called with the id of the failed task.
  addLink(fetchPage.s('https://x'), 'linkError', log.s())
  // @ts-expect-error an errback is called with text
  addLink(fetchPage.s('https://x'), 'linkError', add.s(1))

  const [pages, sum] = await app.publishMany([fetchPage.s('https://x'), add.s(1, 2)])
  same<typeof pages, AsyncResult<number>>(true)
  same<typeof sum, AsyncResult<number>>(true)
  // @ts-expect-error an argument is missing
  await app.publishMany([add.s(1)])
  const applied = await app.apply(log.s('x'))
  same<typeof applied, AsyncResult<string>>(true)
}

export function settings(): void {
  const good: SettingsInput = {
    brokerUrl: 'sqlite:///lovage.db',
    profile: 'safe',
    taskTimeLimit: '5m',
    resultExpires: null,
    worker: { pool: 'threads', concurrency: 4 },
    taskRoutes: { 'mail.*': { queue: 'mail', priority: 3 } },
  }
  void good
  // @ts-expect-error no such profile
  const badProfile: SettingsInput = { profile: 'fast' }
  void badProfile
  // @ts-expect-error no such setting in the group
  const badGroup: SettingsInput = { worker: { concurency: 4 } }
  void badGroup
  // @ts-expect-error cannot be unset
  const badNull: SettingsInput = { taskAcksLate: null }
  void badNull
  same<App['settings']['taskTimeLimit'], number | undefined>(true)
  same<App['settings']['profile'], 'celery' | 'safe'>(true)
  same<App['settings']['brokerUrl'], string>(true)
}
