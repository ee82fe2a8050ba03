import type { CommandSpec } from '../protocol/control-commands.js'

/**
 * Setting `remoteControl`: `all` commands; `read`, those that only look; `signed`, all, when the request is signed; `none`; or
 * the names of those that are allowed (S74).
 */
export type ControlPolicy = 'all' | 'read' | 'signed' | 'none' | readonly string[]

/** Those that are words. */
export const CONTROL_POLICIES: readonly string[] = ['all', 'read', 'signed', 'none']

/** Why the command may not be run; undefined = it may. */
export function refusal(policy: ControlPolicy, command: CommandSpec, signed: boolean): string | undefined {
  if (isAllowed(policy, command, signed)) return undefined
  const rule = typeof policy === 'string' ? policy : `[${policy.join(', ')}]`
  return `${command.name} is not allowed here: remoteControl is ${rule}`
}

function isAllowed(policy: ControlPolicy, command: CommandSpec, signed: boolean): boolean {
  switch (policy) {
    case 'all':
      return true
    case 'read':
      return command.kind === 'inspect'
    case 'signed':
      return signed
    case 'none':
      return false
    default:
      return policy.includes(command.name) || (command.alias !== undefined && policy.includes(command.alias))
  }
}
