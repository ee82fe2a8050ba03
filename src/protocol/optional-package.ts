import { createRequire } from 'node:module'
import { ConfigError } from '../lib/errors.js'

/**
 * A package that Lovage does not install by itself, loaded when it is first needed. Throws `ConfigError` naming it and
 * what wants it. The caller knows the type.
 */
export function optionalPackage(name: string, purpose: string): unknown {
  try {
    return createRequire(import.meta.url)(name)
  } catch (cause) {
    const missing = cause instanceof Error && 'code' in cause && cause.code === 'MODULE_NOT_FOUND'
    const problem = missing ? 'is not installed' : 'cannot be loaded'
    throw new ConfigError(
      'LVG_MISSING_PACKAGE',
      `${purpose} needs the package '${name}', which ${problem}: npm install ${name}`,
      {
        cause,
      },
    )
  }
}
