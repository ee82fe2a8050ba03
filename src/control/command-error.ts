/** Exceptions that Celery's own commands raise. */
export type CommandErrorType =
  | 'AttributeError'
  | 'ImportError'
  | 'KeyError'
  | 'NotImplementedError'
  | 'PermissionError'
  | 'TimeoutError'
  | 'TypeError'
  | 'ValueError'

/**
 * A command failed in a way that has a name in Python: the asker sees `{"error": "ValueError('Autoscale not enabled')"}`.
 * Messages stand in English as Celery has them, since programs compare them.
 */
export class CommandError extends Error {
  override readonly name: CommandErrorType

  constructor(type: CommandErrorType, message: string) {
    super(message)
    this.name = type
  }
}
