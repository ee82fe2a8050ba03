import { ConfigError } from '../lib/errors.js'
import { taskName } from '../protocol/ids.js'
import { camelCase } from './camel-case.js'
import type { Settings } from './settings.js'
import { makeTask, type RegisteredTask, type SendTask, type TaskOf } from './task.js'
import type { TaskOptions, TaskPolicy } from './task-options.js'
import { taskPolicy } from './task-policy.js'

/** What registering tasks needs of an app. */
export interface RegistryWorld {
  /** For errors. */
  readonly name: string
  /** As they are now; `forget` tells that they are others. */
  readonly settings: Settings
}

/** Tasks by their names, and what holds for each: its options under annotations, and the policy that follows. */
export class TaskRegistry {
  readonly #world: RegistryWorld
  readonly #tasks = new Map<string, RegisteredTask>()
  /** Celery's own. */
  readonly builtins: ReadonlyMap<string, RegisteredTask>
  readonly #options = new Map<string, TaskOptions>()
  readonly #policies = new Map<string, TaskPolicy>()

  constructor(world: RegistryWorld, builtins: readonly RegisteredTask[]) {
    this.#world = world
    this.builtins = new Map(builtins.map(task => [task.name, task]))
  }

  /** Without Celery's own. */
  get tasks(): ReadonlyMap<string, RegisteredTask> {
    return this.#tasks
  }

  /** Throws `LVG_DUPLICATE_TASK`, `LVG_UNKNOWN_OPTION`, and `ProtocolError` for a name that cannot travel. */
  add<Handler extends CallableFunction>(
    name: string,
    handler: Handler,
    options: TaskOptions,
    send: SendTask,
  ): TaskOf<Handler> {
    if (this.#tasks.has(taskName(name))) {
      throw new ConfigError(
        'LVG_DUPLICATE_TASK',
        `App ${this.#world.name} has a task ${name} already. Give one of the two another name.`,
      )
    }
    if (typeof handler !== 'function') {
      throw new ConfigError(
        'LVG_BAD_OPTION',
        `The handler of task ${name} is ${typeof handler}; it must be a function.`,
      )
    }
    // A callable function is called; what with and what comes back, TaskOf says to the compiler.
    const plain = handler as unknown as (...args: readonly unknown[]) => unknown
    const task = makeTask(name, plain, options, send)
    this.#tasks.set(name, task)
    this.#policies.delete(name)
    this.#options.delete(name)
    return task as unknown as TaskOf<Handler>
  }

  find(name: string): RegisteredTask | undefined {
    return this.#tasks.get(name) ?? this.builtins.get(name)
  }

  /** With `taskAnnotations` over them; undefined for a task that is not registered. */
  options(name: string): TaskOptions | undefined {
    const task = this.find(name)
    const { taskAnnotations: annotations } = this.#world.settings
    if (task === undefined || annotations === undefined) return task?.options
    const known = this.#options.get(name)
    if (known !== undefined) return known
    const merged = { ...task.options, ...annotation(annotations['*']), ...annotation(annotations[name]) }
    this.#options.set(name, merged)
    return merged
  }

  /** For a task that is not registered that of the settings alone. */
  policy(name: string): TaskPolicy {
    const known = this.#policies.get(name)
    if (known !== undefined) return known
    const policy = taskPolicy(this.options(name) ?? {}, this.#world.settings)
    // Names of strangers are not kept: anybody can make up any number of them (L18).
    if (this.#tasks.has(name)) this.#policies.set(name, policy)
    return policy
  }

  /** Options and policies, which follow from settings and annotations: those are others now. */
  forget(): void {
    this.#policies.clear()
    this.#options.clear()
  }
}

/** Celery's spelling of the keys is welcome. */
function annotation(options: TaskOptions | undefined): TaskOptions {
  if (options === undefined) return {}
  return Object.fromEntries(Object.entries(options).map(([key, value]) => [camelCase(key), value]))
}
