import type { ProjectFile } from './project-file.js'

/** Checks only: nothing is compiled, the files run as they are. */
export function tsconfigJson(): ProjectFile {
  const config = {
    compilerOptions: {
      target: 'ES2022',
      lib: ['ES2023', 'ESNext.Disposable'],
      module: 'NodeNext',
      types: ['node'],
      strict: true,
      noEmit: true,
      allowImportingTsExtensions: true,
      verbatimModuleSyntax: true,
      skipLibCheck: true,
    },
    include: ['*.ts'],
  }
  return { path: 'tsconfig.json', text: `${JSON.stringify(config, null, 2)}\n` }
}
