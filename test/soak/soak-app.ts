import { setTimeout as sleep } from 'node:timers/promises'
import { App } from '../../src/app/app.js'
import type { SettingsInput } from '../../src/app/settings.js'

/* The app of a soak, as children of a pool load it too: its settings stand in the environment. */

interface SoakApp {
  readonly settings: SettingsInput
  readonly failing: boolean
}

// Written by soak.ts.
const { settings, failing } = JSON.parse(process.env['LOVAGE_SOAK'] ?? '{}') as SoakApp

export const app: App = new App('soak', settings)

export const tiny = app.task('soak.tiny', (number: number) => {
  if (failing && number % 2 === 0) failDeep(200)
})

/** Keeps its slot long enough that each child has one, when there are twice as many as slots. */
export const collect = app.task('soak.collect', async () => {
  for (let times = 0; times < 3; times++) {
    globalThis.gc?.()
    await sleep(50)
  }
})

function failDeep(levels: number): never {
  if (levels > 0) failDeep(levels - 1)
  throw new Error('deep down')
}
