import type { Broker, Connection } from '../../brokers/broker.js'
import type { SimLink } from './sim-link.js'
import type { SimProcess } from './sim-process.js'

/** A broker as a place of the world: it outlives every process, and each process reaches it over a link of its own. */
export interface SimPlace {
  /** The broker port in a process. */
  reach(process: SimProcess, link: SimLink): Broker
  /** A connection without any link: for looking at what is there. */
  observe(): Promise<Connection>
}
