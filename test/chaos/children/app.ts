import { workerApp } from '../chaos-app.js'
import { settingsOfProcess } from '../settings.js'

/* For `lovage worker -A`: the app of this process, with the settings of its environment. */

export const app = workerApp(settingsOfProcess())
