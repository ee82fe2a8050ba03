import { extensionOf, type ProjectFile, type ProjectOptions } from './project-file.js'

export function readme(options: ProjectOptions): ProjectFile {
  const extension = extensionOf(options)
  return {
    path: 'README.md',
    text: `# ${options.name}

Distributed tasks with Lovage.

    npm install
    npm run worker        # runs tasks until Ctrl-C
    npm run send          # in another terminal: sends two tasks and waits for their results

| file | what it is |
| --- | --- |
| \`tasks.${extension}\` | the app and its tasks |
| \`lovage.config.${extension}\` | settings: where messages and results are kept, how careful workers are |
| \`send.${extension}\` | a program that sends tasks |

More to try:

    npx lovage call tasks.add --args '[40, 2]' --wait
    npx lovage queues                  # what waits where
    npx lovage config --changed        # settings that differ from their defaults, and where they come from
    npx lovage dead list celery        # messages that could not be run
`,
  }
}
