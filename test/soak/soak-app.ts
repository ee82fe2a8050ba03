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

function failDeep(levels: number): never {
  if (levels > 0) failDeep(levels - 1)
  throw new Error('deep down')
}
