import { type ChildProcess, spawn } from 'node:child_process'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { join } from 'node:path'
import { noopApp, publish } from '../noop-app.js'
import { BENCH } from '../peers/install.js'
import { BENCH_QUEUE, rabbitPlace } from '../places.js'
import type { Contestant } from '../row.js'
import { AMQP_URL, PYTHON, REDIS_URL } from '../servers.js'
import type { Drain } from './drain.js'

/** Celery's prefork worker of two processes over RabbitMQ, results in Redis. */
export function celeryDrain({ tasks, results }: Drain): Contestant {
  const place = rabbitPlace()
  return {
    name: 'Celery -c 2',
    run: async () => {
      await place.empty()
      const bench = noopApp({ ...place.settings, taskIgnoreResult: true })
      await bench.app.sendTask('bench.mark', ['first'])
      await publish(bench, tasks)
      await bench.app.sendTask('bench.mark', ['last'])
      await bench.app[Symbol.asyncDispose]()
      const socket = createSocket('udp4').bind(0, '127.0.0.1')
      await once(socket, 'listening')
      await using _worker = celeryWorker({
        backend: results ? REDIS_URL : undefined,
        port: socket.address().port,
      })
      await word(socket, 'first')
      const started = performance.now()
      await word(socket, 'last')
      const seconds = (performance.now() - started) / 1000
      socket.close()
      return { rate: tasks / seconds }
    },
    [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
  }
}

interface CeleryOptions {
  readonly backend: string | undefined
  readonly port: number
}

export function celeryEnvironment({ backend, port }: CeleryOptions): NodeJS.ProcessEnv {
  return {
    ...process.env,
    BENCH_BROKER: AMQP_URL,
    BENCH_QUEUE,
    BENCH_PORT: String(port),
    // Celery's word on being run by root.
    PYTHONWARNINGS: 'ignore',
    ...(backend === undefined ? {} : { BENCH_BACKEND: backend }),
  }
}

export const CELERY_PROGRAMS: string = join(BENCH, 'programs')

export function celeryWorker(
  options: CeleryOptions,
  env: NodeJS.ProcessEnv = celeryEnvironment(options),
): ChildProcess & AsyncDisposable {
  const args = ['-m', 'celery', '-A', 'celery_noop', 'worker', '-c', '2', '-l', 'ERROR']
  const child = spawn(PYTHON, [...args, '--without-gossip', '--without-mingle', '--without-heartbeat'], {
    cwd: CELERY_PROGRAMS,
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  return Object.assign(child, {
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null) return
      child.kill('SIGTERM')
      await once(child, 'exit')
    },
  })
}

async function word(socket: Socket, wanted: string): Promise<void> {
  for (;;) {
    const [message] = (await once(socket, 'message', { signal: AbortSignal.timeout(300_000) })) as [Buffer]
    if (message.toString() === wanted) return
  }
}
