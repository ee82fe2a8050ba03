import { bullMqLatency } from '../contestants/bullmq-latency.js'
import { celeryLatency } from '../contestants/celery-latency.js'
import { lovageLatency } from '../contestants/lovage-latency.js'
import { SENDS } from '../contestants/sends.js'
import { postgresPlace, rabbitPlace, redisPlace, SqlitePlace } from '../places.js'
import type { Aim, Contestant, Row } from '../row.js'
import type { Need } from '../servers.js'

/** Two processes over a file; BullMQ is a measure of the machine. */
export function fileLatency(): Row {
  const [p50, p99] = [5, 20].map(value => ({ kind: 'at-most', value }) as const) as [Aim, Aim]
  return row(
    'latency',
    ['Redis'],
    { p50, p99 },
    () => lovageLatency(new SqlitePlace('full')),
    () => bullMqLatency('redis'),
  )
}

/** Two processes over servers. */
export function serverLatencies(): readonly Row[] {
  const atMost = (value: number): { readonly p50: Aim; readonly p99: Aim } => {
    const aim = { kind: 'ratio-at-most', value } as const
    return { p50: aim, p99: aim }
  }
  const rpc = { resultBackend: 'rpc://' }
  return [
    row(
      'latency-redis',
      ['Redis'],
      atMost(1),
      () => lovageLatency(redisPlace()),
      () => bullMqLatency('redis'),
    ),
    row('latency-amqp', ['RabbitMQ', 'Celery'], atMost(0.6), () => lovageLatency(rabbitPlace(), rpc), celeryLatency),
    row(
      'latency-postgres',
      ['PostgreSQL'],
      atMost(0.5),
      () => lovageLatency(postgresPlace()),
      () => bullMqLatency('postgres'),
    ),
  ]
}

function row(
  name: string,
  needs: readonly Need[],
  { p50, p99 }: { readonly p50: Aim; readonly p99: Aim },
  ours: () => Promise<Contestant>,
  theirs: () => Promise<Contestant>,
): Row {
  return {
    name,
    title: `idle system, two processes: send to result, ${SENDS} sends a round`,
    needs,
    figures: [
      { name: 'p50', unit: 'ms', aim: p50 },
      { name: 'p99', unit: 'ms', aim: p99 },
    ],
    ours,
    theirs,
  }
}
