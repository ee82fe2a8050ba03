import { configModule } from './config-module.js'
import { gitignore } from './gitignore.js'
import { packageJson } from './package-json.js'
import type { ProjectFile, ProjectOptions } from './project-file.js'
import { readme } from './readme.js'
import { sendModule } from './send-module.js'
import { tasksModule } from './tasks-module.js'
import { tsconfigJson } from './tsconfig-json.js'

/** Every file of a new project. */
export function project(options: ProjectOptions): readonly ProjectFile[] {
  return [
    packageJson(options),
    ...(options.language === 'typescript' ? [tsconfigJson()] : []),
    configModule(options),
    tasksModule(options),
    sendModule(options),
    readme(options),
    gitignore(),
  ]
}
