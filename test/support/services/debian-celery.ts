import { spawnSync } from 'node:child_process'

/** The distribution's Python with Celery, SQLAlchemy and psycopg2: the other side of the result tables. */
const PYTHON = process.env['LOVAGE_TEST_CELERY_PYTHON'] ?? '/usr/bin/python3'

const found = spawnSync(PYTHON, ['-c', 'import celery, sqlalchemy, psycopg2'], { encoding: 'utf8' })

/** Give it to `test` as options: without that Python, the test is skipped under a name that says so. */
export const needsCelery: { readonly skip?: string } =
  found.status === 0 ? {} : { skip: `no ${PYTHON} with celery, sqlalchemy and psycopg2` }

/** Runs a script and reads the JSON that it prints. Throws with what it said otherwise. */
export function celery(script: string, ...args: readonly string[]): unknown {
  const { status, stdout, stderr } = spawnSync(PYTHON, ['-c', script, ...args], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`Python failed: ${stderr}`)
  return JSON.parse(stdout)
}
