import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { repositoryRoot } from '../repository.js'

/** Debian's Python comes with Celery as a package; another one may come first on the path. */
export const PYTHON: string = process.env['LOVAGE_TEST_PYTHON'] ?? '/usr/bin/python3'

/** The programs around Celery, from the sources: the build compiles TypeScript only. */
export const PROGRAMS: string = join(repositoryRoot(), 'test', 'interop', 'python')

const MODULES = ['celery', 'redis', 'psycopg2', 'sqlalchemy', 'msgpack', 'yaml'] as const

/** Undefined when Python has what the programs import, otherwise the reason to skip by. */
export function celeryMissing(): string | undefined {
  const script = `import importlib.util as u; print(' '.join(m for m in ${JSON.stringify(MODULES)} if u.find_spec(m) is None))`
  const { status, stdout } = spawnSync(PYTHON, ['-c', script], { encoding: 'utf8' })
  if (status !== 0) return `needs Python at ${PYTHON}`
  const missing = stdout.trim()
  return missing === '' ? undefined : `needs Python's ${missing.replaceAll(' ', ', ')}`
}
