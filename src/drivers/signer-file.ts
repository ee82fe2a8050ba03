import { readFileSync } from 'node:fs'
import { ConfigError } from '../lib/errors.js'

/** The text of a key or certificate file. Throws `ConfigError` `LVG_SIGNING_SETUP`, which names the setting. */
export function signerFile(path: string, setting: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new ConfigError(
      'LVG_SIGNING_SETUP',
      `messages cannot be signed: setting ${setting} names a file that cannot be read`,
      {
        cause,
      },
    )
  }
}
