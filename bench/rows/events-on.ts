import { lovageDrain } from '../contestants/lovage-drain.js'
import { type Place, postgresPlace, rabbitPlace, redisPlace, SqlitePlace } from '../places.js'
import type { Row } from '../row.js'
import type { Need } from '../servers.js'

const CONCURRENCY = 100
/** Events may cost so much of the throughput at most. */
const AT_LEAST = 0.85

/** The same no-ops with events about each (`-E`) and without: three events a task, and nobody or somebody who listens. */
export function eventsOn(tasks: number): readonly Row[] {
  return [
    row('events-on-sqlite', [], () => new SqlitePlace('os'), tasks),
    row('events-on-amqp', ['RabbitMQ'], rabbitPlace, tasks),
    row('events-on-redis', ['Redis'], redisPlace, tasks),
    row('events-on-postgres', ['PostgreSQL'], postgresPlace, tasks),
  ]
}

function row(name: string, needs: readonly Need[], place: () => Place, tasks: number): Row {
  const drain = { tasks, concurrency: CONCURRENCY, results: true }
  return {
    name,
    title: `${tasks} waiting no-ops, results kept, one worker, concurrency ${CONCURRENCY}: events on beside events off`,
    needs,
    figures: [
      { name: 'rate', unit: 'tasks/s', aim: { kind: 'ratio-at-least', value: AT_LEAST } },
      { name: 'cpu', unit: 'µs' },
    ],
    ours: () => lovageDrain(place(), { ...drain, events: true }),
    theirs: () => lovageDrain(place(), drain),
  }
}
