import { LOVAGE_NAMESPACE, uuid5 } from '../lib/uuid.js'
import type { TaskId } from '../protocol/ids.js'

/** Ids for the parts of a canvas that follow from the name of one sending: who sends it again draws the same ones in the same order (D91). */
export function derivedIds(name: string): () => TaskId {
  let drawn = 0
  // A UUID is an id.
  return () => uuid5(LOVAGE_NAMESPACE, `${name}:part:${drawn++}`) as TaskId
}
