import type { ProjectFile, ProjectOptions } from './project-file.js'

export function packageJson(options: ProjectOptions): ProjectFile {
  const typescript = options.language === 'typescript'
  const manifest = {
    name: options.name,
    version: '0.1.0',
    private: true,
    type: 'module',
    engines: { node: '>=20.19' },
    scripts: {
      worker: 'lovage worker --loglevel info',
      send: typescript ? 'jiti send.ts' : 'node send.js',
      ...(typescript ? { check: 'tsc' } : {}),
    },
    dependencies: { lovage: `^${options.version}` },
    ...(typescript ? { devDependencies: { '@types/node': '^20.19.0', jiti: '^2.7.0', typescript: '>=5.4' } } : {}),
  }
  return { path: 'package.json', text: `${JSON.stringify(manifest, null, 2)}\n` }
}
