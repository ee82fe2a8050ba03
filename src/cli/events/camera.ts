import { type ClusterState, EMPTY_CLUSTER } from '../../events/cluster-state.js'
import { ConfigError } from '../../lib/errors.js'
import { isFinal } from '../../protocol/states.js'

/** What `--camera` names: a class, or an object, whose `onShutter` gets the state of the cluster each time. */
export interface Camera {
  onShutter(state: ClusterState): unknown
  /** Once an hour. */
  onCleanup?(): unknown
  /** Forget after each picture what has ended. Default false. */
  readonly clearAfter?: boolean
}

/** `module` or `module:export`; without an export `Camera`, or the only one that has `onShutter`. */
export function cameraOf(given: string, exported: Readonly<Record<string, unknown>>, name: string | undefined): Camera {
  const named =
    name ??
    (Object.hasOwn(exported, 'Camera') ? 'Camera' : Object.keys(exported).find(key => takesPictures(exported[key])))
  const value = named === undefined ? undefined : exported[named]
  const camera = typeof value === 'function' ? made(value, given) : value
  if (isCamera(camera)) return camera
  throw new ConfigError(
    'LVG_NOT_A_CAMERA',
    `--camera ${given} names nothing that takes pictures: export a class, or an object, with a method \`onShutter(state)\`.`,
  )
}

function made(value: unknown, given: string): unknown {
  try {
    return Reflect.construct(value as new () => unknown, [])
  } catch (cause) {
    throw new ConfigError('LVG_NOT_A_CAMERA', `--camera ${given}: the camera could not be made: ${String(cause)}`, {
      cause,
    })
  }
}

function takesPictures(value: unknown): boolean {
  return isCamera(value) || (typeof value === 'function' && isCamera(value.prototype))
}

function isCamera(value: unknown): value is Camera {
  return typeof value === 'object' && value !== null && 'onShutter' in value && typeof value.onShutter === 'function'
}

/** What has ended leaves the state, and so do workers and counts. Source: celery/events/state.py `State.clear`. */
export function cleared({ tasks }: ClusterState): ClusterState {
  return { ...EMPTY_CLUSTER, tasks: tasks.filter(({ state }) => !isFinal(state)) }
}
