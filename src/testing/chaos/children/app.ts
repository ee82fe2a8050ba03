import type { App } from '../../../app/app.js'
import { workerApp } from '../chaos-app.js'
import { settingsOfProcess } from '../chaos-settings.js'

/* For `lovage worker -A`: the app of this process, with the settings of its environment. */

export const app: App = await workerApp(settingsOfProcess())
