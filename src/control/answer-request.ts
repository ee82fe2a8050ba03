import { deferred } from '../lib/deferred.js'
import type { Clock } from '../lib/runtime.js'
import type { Ms } from '../lib/time.js'
import { argumentProblem, CONTROL_COMMANDS, findCommand } from '../protocol/control-commands.js'
import type { ControlRequest } from '../protocol/pidbox.js'
import { CommandError } from './command-error.js'
import { type CommandTable, NO_REPLY } from './command-table.js'
import { type ControlPolicy, refusal } from './control-policy.js'

export interface AnswerParts {
  readonly clock: Pick<Clock, 'timer'>
  readonly commands: CommandTable
  readonly policy: ControlPolicy
}

/** A command that has not ended by then is answered with an error, so that the next one can be served. */
export const COMMAND_LIMIT: Ms = 30_000

/**
 * What the command gives, `NO_REPLY` included; also when `leaving` fires before it has ended. Throws what the asker is told, in
 * Python's words where Celery has them.
 */
export async function answerRequest(
  request: Pick<ControlRequest, 'method' | 'arguments'>,
  signed: boolean,
  { clock, commands, policy }: AnswerParts,
  leaving: AbortSignal,
): Promise<unknown> {
  const { method } = request
  const command = findCommand(method, commands.specs) ?? findCommand(method, CONTROL_COMMANDS)
  if (command === undefined) throw new CommandError('KeyError', method)
  const refused = refusal(policy, command, signed)
  if (refused !== undefined) throw new CommandError('PermissionError', refused)
  const problem = argumentProblem(command, request.arguments)
  if (problem !== undefined) throw new CommandError('TypeError', problem)
  const given = policy === 'read' ? withoutRevokes(command.name, request.arguments) : request.arguments
  const value = commands.run(command.name, given)
  return isPromise(value) ? await limited(value, command.name, clock, leaving) : value
}

/** `hello` asks, and tells which tasks are revoked: where nothing may be changed, it only asks. */
function withoutRevokes(method: string, given: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return method === 'hello' ? { ...given, revoked: null } : given
}

async function limited(
  value: PromiseLike<unknown>,
  method: string,
  clock: Pick<Clock, 'timer'>,
  leaving: AbortSignal,
): Promise<unknown> {
  const end = deferred<typeof NO_REPLY>()
  const leave = (): void => end.resolve(NO_REPLY)
  using _timer = clock.timer(COMMAND_LIMIT, () => {
    end.reject(new CommandError('TimeoutError', `${method} has not ended within ${COMMAND_LIMIT / 1000} s`))
  })
  leaving.addEventListener('abort', leave, { once: true })
  if (leaving.aborted) leave()
  try {
    return await Promise.race([value, end.promise])
  } finally {
    leaving.removeEventListener('abort', leave)
  }
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}
