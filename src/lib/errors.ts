/**
 * The root of every error Lovage throws on purpose.
 *
 * `code` is stable (`LVG_…`) and listed with cause and remedy in docs/reference/errors.md; a test compares the two.
 * The message is a sentence that says what was wrong, where, and what to do. Secrets never appear in it.
 */
export class LovageError extends Error {
  readonly code: string
  override readonly name: string = 'LovageError'

  constructor(code: string, message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}

/** A person has to change something before starting again: settings, URLs, files, missing packages. Exit code 2. */
export class ConfigError extends LovageError {
  override readonly name = 'ConfigError'
}
