import { App } from '../../../src/app/app.js'

/** Tasks that nothing but force ends; where broker and results are, says the environment. */
export const app: App = new App('stubborn')

app.task('spin', () => {
  for (;;);
})

app.task('deaf', () => {
  process.on('SIGTERM', () => undefined)
  return new Promise(() => void setInterval(() => undefined, 1000))
})

app.task('quick', () => 'ok')
