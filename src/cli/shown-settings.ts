import { maskSetting } from '../app/settings.js'
import type { App, Origin, SettingName } from '../index.js'

export interface ShownSetting {
  readonly name: string
  /** Without secrets (S80). */
  readonly value: unknown
  readonly origin: Origin
}

/** Every setting of an app as it may be shown, in the order of the table. */
export function shownSettings(app: App): readonly ShownSetting[] {
  return Object.entries(app.settings).map(([name, value]) => ({
    name,
    value: maskSetting(name, value),
    // The settings and their origins have the same keys.
    origin: app.origins[name as SettingName],
  }))
}
