import { extensionOf, type ProjectFile, type ProjectOptions } from './project-file.js'

export function tasksModule(options: ProjectOptions): ProjectFile {
  const extension = extensionOf(options)
  const number = options.language === 'typescript' ? ': number' : ''
  const string = options.language === 'typescript' ? ': string' : ''
  return {
    path: `tasks.${extension}`,
    text: `import { App, currentTask } from 'lovage'
import config from './lovage.config.${extension}'

export const app = new App('${options.name}', config)

// A task is a plain function with a name. Calling add(2, 3) runs it here; add.delay(2, 3) lets a worker run it.
export const add = app.task('tasks.add', (x${number}, y${number}) => x + y)

// A task may fail for a while: it is tried again after 1, 2, 4 … seconds, at most five times.
export const greet = app.task(
  'tasks.greet',
  async (name${string}) => {
    const { id, log } = currentTask()
    log.info(\`greeting \${name} in task \${id}\`)
    return \`Hello, \${name}!\`
  },
  { autoretryFor: [Error], retryBackoff: true, maxRetries: 5 },
)
`,
  }
}
