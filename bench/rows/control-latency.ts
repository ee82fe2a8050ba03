import { controlLatency } from '../contestants/control-latency.js'
import { SENDS } from '../contestants/sends.js'
import { type Place, postgresPlace, rabbitPlace, redisPlace, SqlitePlace } from '../places.js'
import type { Row } from '../row.js'
import type { Need } from '../servers.js'

/** How soon remote control is answered by a worker that works at its full rate; beside it, by one that has nothing to do. */
export function controlLatencies(): readonly Row[] {
  return [
    row('control-latency', [], () => new SqlitePlace('full')),
    row('control-latency-redis', ['Redis'], redisPlace),
    row('control-latency-amqp', ['RabbitMQ'], rabbitPlace),
    row('control-latency-postgres', ['PostgreSQL'], postgresPlace),
  ]
}

function row(name: string, needs: readonly Need[], place: () => Place): Row {
  return {
    name,
    title: `ping of a worker in another process, at its full rate and idle: at most ${SENDS} a round`,
    needs,
    figures: [
      { name: 'p50', unit: 'ms' },
      { name: 'p99', unit: 'ms', aim: { kind: 'at-most', value: 50 } },
    ],
    ours: () => controlLatency(place(), 'full rate'),
    theirs: () => controlLatency(place(), 'idle'),
  }
}
