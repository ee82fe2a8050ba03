import { amqplibDrain } from '../contestants/amqplib-drain.js'
import { bullMqDrain } from '../contestants/bullmq-drain.js'
import { celeryDrain } from '../contestants/celery-drain.js'
import type { Drain } from '../contestants/drain.js'
import { graphileDrain } from '../contestants/graphile-drain.js'
import { lovageDrain } from '../contestants/lovage-drain.js'
import { rawRedisDrain } from '../contestants/raw-redis-drain.js'
import { rawSqliteDrain } from '../contestants/raw-sqlite-drain.js'
import { type Place, postgresPlace, rabbitPlace, redisPlace, SqlitePlace } from '../places.js'
import type { Contestant, Row } from '../row.js'
import type { Need } from '../servers.js'

const CONCURRENCY = 100
/** Of noopApp. */
const MULTIPLIER = 4

/** Full queues in a file, emptied by one worker. */
export function fileDrains(tasks: number): readonly Row[] {
  const drain: Drain = { tasks, concurrency: CONCURRENCY, results: false }
  return (['os', 'full'] as const).flatMap(durability => {
    const place = (): Place => new SqlitePlace(durability)
    return [
      row(`sqlite-${durability}`, [], place, drain, () => rawSqliteDrain(durability, drain), 0.35),
      row(`bullmq-${durability}`, ['Redis'], place, drain, () => bullMqDrain(drain), 1.3),
    ]
  })
}

/** The same on servers. */
export function serverDrains(tasks: number): readonly Row[] {
  const bare: Drain = { tasks, concurrency: CONCURRENCY, results: false }
  const kept: Drain = { ...bare, results: true }
  const single: Drain = { ...bare, concurrency: 1 }
  const prefetch = CONCURRENCY * MULTIPLIER
  return [
    row('amqp-bare', ['RabbitMQ'], rabbitPlace, bare, () => amqplibDrain(bare, prefetch), 0.7),
    row('amqp-celery', ['RabbitMQ', 'Celery'], rabbitPlace, bare, () => celeryDrain(bare), 4),
    row('amqp-celery-results', ['RabbitMQ', 'Redis', 'Celery'], rabbitPlace, kept, () => celeryDrain(kept), 6),
    row('redis-bullmq', ['Redis'], redisPlace, bare, () => bullMqDrain(bare), 1.5),
    row('redis-bullmq-results', ['Redis'], redisPlace, kept, () => bullMqDrain(kept), 1.2),
    row('redis-bullmq-single', ['Redis'], redisPlace, single, () => bullMqDrain(single), 1.5),
    row('redis-bare', ['Redis'], redisPlace, bare, () => rawRedisDrain(bare), 0.6),
    row('redis-bare-results', ['Redis'], redisPlace, kept, () => rawRedisDrain(kept), 0.7),
    row('postgres-graphile', ['PostgreSQL'], postgresPlace, bare, () => graphileDrain(bare, false), 8),
    row('postgres-graphile-batched', ['PostgreSQL'], postgresPlace, bare, () => graphileDrain(bare, true), 0.8),
  ]
}

function row(
  name: string,
  needs: readonly Need[],
  place: () => Place,
  drain: Drain,
  theirs: () => Contestant,
  aim: number,
): Row {
  const { tasks, concurrency, results } = drain
  return {
    name,
    title: `${tasks} waiting no-ops, ${results ? 'results kept' : 'no results'}, one worker, concurrency ${concurrency}`,
    needs,
    figures: [
      { name: 'rate', unit: 'tasks/s', aim: { kind: 'ratio-at-least', value: aim } },
      // Celery's is in other processes; of the others it leaves out what servers do.
      ...(needs.includes('Celery') ? [] : [{ name: 'cpu', unit: 'µs' } as const]),
    ],
    ours: () => lovageDrain(place(), drain),
    theirs,
  }
}
