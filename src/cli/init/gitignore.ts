import type { ProjectFile } from './project-file.js'

/** Keeps the embedded broker's database, logs and pid files out of version control. */
export function gitignore(): ProjectFile {
  return { path: '.gitignore', text: 'node_modules/\n*.db\n*.db-*\n*.log\n*.pid\n' }
}
