import { amqplibPublish } from '../contestants/amqplib-publish.js'
import { bullMqPublish } from '../contestants/bullmq-publish.js'
import { graphilePublish } from '../contestants/graphile-publish.js'
import { lovagePublish } from '../contestants/lovage-publish.js'
import type { Publishing } from '../contestants/publishing.js'
import { type Place, postgresPlace, rabbitPlace, redisPlace, SqlitePlace } from '../places.js'
import type { Contestant, Row } from '../row.js'
import type { Need } from '../servers.js'

/** Publishing to a file, beside BullMQ, as a measure of the machine: told, not judged. */
export function fileEnqueues(tasks: number, few: number): readonly Row[] {
  const [one, many] = ways(tasks, few)
  return (['os', 'full'] as const).flatMap(durability => {
    const place = (): Place => new SqlitePlace(durability)
    return [
      row(`publish-many-${durability}`, 'Redis', place, many, () => bullMqPublish(many, true)),
      row(`publish-one-${durability}`, 'Redis', place, one, () => bullMqPublish(one)),
    ]
  })
}

/** Publishing to servers, beside the same through a peer or a bare client. */
export function serverEnqueues(tasks: number, few: number): readonly Row[] {
  const [one, many] = ways(tasks, few)
  return [
    row('publish-one-redis', 'Redis', redisPlace, one, () => bullMqPublish(one), 1.5),
    row('publish-one-amqp', 'RabbitMQ', rabbitPlace, one, () => amqplibPublish(one), 0.8),
    row('publish-many-redis', 'Redis', redisPlace, many, () => bullMqPublish(many), 1.5),
    row('publish-many-postgres', 'PostgreSQL', postgresPlace, many, () => graphilePublish(many), 0.8),
  ]
}

function ways(tasks: number, few: number): readonly [one: Publishing, many: Publishing] {
  return [
    { tasks: few, way: 'one' },
    { tasks, way: 'many' },
  ]
}

function row(
  name: string,
  need: Need,
  place: () => Place,
  how: Publishing,
  theirs: () => Promise<Contestant>,
  aim?: number,
): Row {
  const { tasks, way } = how
  return {
    name,
    title: `publishing ${tasks} tasks, ${way === 'one' ? 'each confirmed before the next' : 'a thousand at a time'}`,
    needs: [need],
    figures: [
      {
        name: 'rate',
        unit: 'tasks/s',
        ...(aim === undefined ? {} : { aim: { kind: 'ratio-at-least', value: aim } as const }),
      },
    ],
    ours: () => lovagePublish(place(), how),
    theirs,
  }
}
