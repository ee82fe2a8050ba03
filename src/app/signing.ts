import { signerFile } from '../drivers/signer-file.js'
import { SignerStore } from '../drivers/signer-store.js'
import { ConfigError } from '../lib/errors.js'
import type { Runtime } from '../lib/runtime.js'
import type { SigningOptions } from '../protocol/auth-serializer.js'
import type { Settings } from './settings.js'

const AUTH = 'auth'
const FILES = ['securityKey', 'securityCertificate', 'securityCertStore'] as const

/**
 * Key, certificate and store of signed messages; undefined when neither a serializer nor a setting `security…` asks for them.
 * All or nothing (S21): throws `ConfigError` `LVG_SIGNING_SETUP` when tasks, control messages or results would go unsigned.
 */
export function signing(settings: Settings, runtime: Pick<Runtime, 'clock' | 'log'>): SigningOptions | undefined {
  const { taskSerializer, resultSerializer, eventSerializer, acceptContent, resultAcceptContent } = settings
  const isAsked = [taskSerializer, resultSerializer, eventSerializer, ...acceptContent].includes(AUTH)
  if (!isAsked && FILES.every(name => settings[name] === undefined)) return undefined
  need('taskSerializer', taskSerializer === AUTH)
  need('acceptContent', isAuthAlone(acceptContent), `['${AUTH}']`)
  need('resultSerializer', resultSerializer === AUTH)
  need(
    'resultAcceptContent',
    resultAcceptContent === undefined || isAuthAlone(resultAcceptContent),
    `['${AUTH}'] or unset`,
  )
  const { securityKey, securityCertificate, securityCertStore, securityKeyPassword, securityDigest } = settings
  if (securityKey === undefined || securityCertificate === undefined || securityCertStore === undefined) {
    const missing = FILES.filter(name => settings[name] === undefined)
    throw new ConfigError(
      'LVG_SIGNING_SETUP',
      `signed messages need the settings ${FILES.join(', ')}; missing: ${missing.join(', ')}`,
    )
  }
  const { clock, log } = runtime
  return {
    key: signerFile(securityKey, 'securityKey'),
    ...(securityKeyPassword === undefined ? {} : { keyPassword: securityKeyPassword }),
    certificate: signerFile(securityCertificate, 'securityCertificate'),
    store: new SignerStore({ pattern: securityCertStore, clock, log }),
    digest: securityDigest,
    now: () => clock.now(),
  }
}

function need(setting: string, holds: boolean, value: string = `'${AUTH}'`): void {
  if (holds) return
  throw new ConfigError('LVG_SIGNING_SETUP', `where messages are signed, setting ${setting} must be ${value}`)
}

function isAuthAlone(names: readonly string[]): boolean {
  return names.length === 1 && names[0] === AUTH
}
