import { spawnSync } from 'node:child_process'
import { connect } from 'node:net'

/** What a row needs beside Node: a server on its standard port of this machine, or Debian's Python Celery. */
export type Need = 'Redis' | 'RabbitMQ' | 'PostgreSQL' | 'Celery'

export const AMQP_URL = 'amqp://guest:guest@127.0.0.1:5672//'
/** A database of its own, which the rows empty. */
export const REDIS_DB = 13
export const REDIS_URL: string = `redis://127.0.0.1:6379/${REDIS_DB}`
/** `LOVAGE_BENCH_POSTGRES` names another. The rows keep to schemas of their own, which they drop. */
export const POSTGRES_URL: string =
  process.env['LOVAGE_BENCH_POSTGRES'] ?? 'postgresql://postgres@127.0.0.1:5432/postgres'

export const PYTHON = '/usr/bin/python3'

/** Which of these are not here. */
export async function missing(needs: ReadonlySet<Need>): Promise<ReadonlySet<Need>> {
  const gone = new Set<Need>()
  for (const need of needs) if (!(await isHere(need))) gone.add(need)
  return gone
}

function isHere(need: Need): Promise<boolean> {
  switch (need) {
    case 'Redis':
      return answers(6379)
    case 'RabbitMQ':
      return answers(5672)
    case 'PostgreSQL':
      return answers(Number(new URL(POSTGRES_URL).port || 5432))
    case 'Celery':
      return Promise.resolve(spawnSync(PYTHON, ['-c', 'import celery, redis']).status === 0)
    default:
      return need satisfies never
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    const end = (answer: boolean): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', () => end(true))
    socket.once('error', () => end(false))
    socket.setTimeout(1000, () => end(false))
  })
}
