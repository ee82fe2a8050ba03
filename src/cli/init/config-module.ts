import { extensionOf, type ProjectFile, type ProjectOptions } from './project-file.js'

export function configModule(options: ProjectOptions): ProjectFile {
  const extension = extensionOf(options)
  return {
    path: `lovage.config.${extension}`,
    text: `import { defineConfig } from 'lovage'

export default defineConfig({
  // What \`lovage worker\` loads.
  app: './tasks.${extension}',

  // Tasks are acknowledged when they have ended, so a crash loses none: it may run one twice. Write tasks so that this does no harm.
  profile: 'safe',

  // Broker and results live in one SQLite file, with nothing to install. Others are chosen by URL, here or in LOVAGE_BROKER_URL
  // and LOVAGE_RESULT_BACKEND.
  brokerUrl: 'sqlite:///lovage.db',
  resultBackend: 'db+sqlite:///lovage.db',
})
`,
  }
}
