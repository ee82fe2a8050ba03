import assert from 'node:assert/strict'
import { test } from 'node:test'
import { App } from './app.js'
import { appExport } from './app-export.js'

function named(name: string): App {
  return new App(name, {}, { environment: {} })
}

test('`app` comes before the default export, that before the only App there is', () => {
  const [one, two, three] = [named('one'), named('two'), named('three')]
  assert.equal(appExport('x.ts', { default: two, app: one, other: three }, undefined).app, one)
  assert.equal(appExport('x.ts', { default: two, other: three }, undefined).app, two)
  assert.deepEqual(appExport('x.ts', { other: three, add: 1 }, undefined), { app: three, name: 'other' })
})

test('a named export is taken, and must be an App', () => {
  const app = named('shop')
  assert.equal(appExport('x.ts', { app: named('a'), shop: app }, 'shop').app, app)
  assert.throws(() => appExport('x.ts', { shop: app }, 'shp'), { code: 'LVG_APP_NOT_EXPORTED', message: /x\.ts:shop/ })
  assert.throws(() => appExport('x.ts', { add: 1 }, 'add'), { code: 'LVG_APP_NOT_EXPORTED', message: /no App/ })
})

test('no App at all says what to write, several say how to choose', () => {
  assert.throws(() => appExport('x.ts', { add: 1 }, undefined), { code: 'LVG_APP_NOT_EXPORTED', message: /new App/ })
  assert.throws(() => appExport('x.ts', { a: named('a'), b: named('b') }, undefined), {
    code: 'LVG_APP_NOT_EXPORTED',
    message: /2 Apps \(a, b\).*-A x\.ts:a/,
  })
})

test('an App of another copy of lovage is named as that', () => {
  const foreign = { sendTask: () => {}, task: () => {}, settings: {} }
  assert.throws(() => appExport('x.ts', { app: foreign }, undefined), {
    code: 'LVG_APP_FOREIGN',
    message: /npx lovage/,
  })
  assert.throws(() => appExport('x.ts', { app: foreign }, 'app'), { code: 'LVG_APP_FOREIGN' })
})
