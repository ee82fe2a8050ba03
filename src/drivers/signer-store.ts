import { readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { ConfigError } from '../lib/errors.js'
import { globMatches } from '../lib/glob.js'
import { whatIsAt } from '../lib/node-find-file.js'
import type { Clock, Log } from '../lib/runtime.js'
import type { Ms, SteadyMs } from '../lib/time.js'
import { CertificateStore, type SignerCertificate, signerCertificate } from '../protocol/signer-certificate.js'

/** So long the store is believed; then it is looked at again before the next certificate is given out (S22). */
const FRESH: Ms = 30_000

export interface SignerStoreOptions {
  /** A folder, of which every file is meant, or a path whose last part is a shell pattern. */
  readonly pattern: string
  readonly clock: Pick<Clock, 'now' | 'steady'>
  readonly log: Pick<Log, 'warning'>
}

/**
 * The certificates of a folder, by their ids. A file that cannot be read or has expired is reported once and left out; one that
 * is removed is believed no more. Files are few and small, so they are read on the spot: nobody is believed meanwhile.
 */
export class SignerStore {
  readonly #options: SignerStoreOptions
  readonly #store: CertificateStore
  readonly #files = new Map<string, { readonly stamp: string; readonly found: SignerCertificate | undefined }>()
  readonly #reported = new Set<string>()
  #readAt: SteadyMs

  /** Throws `ConfigError` `LVG_SIGNING_SETUP`: nothing is there, or two are the same. */
  constructor(options: SignerStoreOptions) {
    this.#options = options
    this.#readAt = options.clock.steady()
    const certificates = this.#read()
    if (certificates.length === 0) {
      throw new ConfigError(
        'LVG_SIGNING_SETUP',
        `messages cannot be verified: there is no valid certificate at ${options.pattern} (setting securityCertStore)`,
      )
    }
    this.#store = new CertificateStore(certificates)
  }

  find(id: string): SignerCertificate | undefined {
    const now = this.#options.clock.steady()
    if (now - this.#readAt >= FRESH) {
      this.#readAt = now
      this.#refresh()
    }
    return this.#store.find(id)
  }

  #refresh(): void {
    try {
      this.#store.replace(this.#read())
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      this.#report(this.#options.pattern, `${error.message}; those known before are believed until it is mended`)
    }
  }

  #read(): readonly SignerCertificate[] {
    const paths = this.#paths()
    for (const path of this.#files.keys()) if (!paths.includes(path)) this.#files.delete(path)
    const now = this.#options.clock.now()
    return paths.flatMap(path => {
      const found = this.#certificate(path)
      if (found === undefined) return []
      if (found.validTo >= now) return [found]
      this.#report(path, 'it has expired')
      return []
    })
  }

  #paths(): readonly string[] {
    const { pattern } = this.#options
    const isFolder = whatIsAt(pattern) === 'folder'
    const folder = isFolder ? pattern : dirname(pattern)
    const wanted = isFolder ? '*' : basename(pattern)
    try {
      return readdirSync(folder)
        .filter(name => !name.startsWith('.') && globMatches(wanted, name))
        .sort()
        .map(name => join(folder, name))
        .filter(path => whatIsAt(path) === 'file')
    } catch (error) {
      this.#report(folder, reason(error))
      return []
    }
  }

  /** Read anew when the file has changed. */
  #certificate(path: string): SignerCertificate | undefined {
    const stats = statSync(path, { throwIfNoEntry: false })
    if (stats === undefined) return undefined
    const stamp = `${stats.ino} ${stats.size} ${stats.mtimeMs}`
    const known = this.#files.get(path)
    if (known?.stamp === stamp) return known.found
    const found = this.#parse(path)
    this.#files.set(path, { stamp, found })
    return found
  }

  #parse(path: string): SignerCertificate | undefined {
    try {
      const found = signerCertificate(readFileSync(path))
      this.#reported.delete(path)
      return found
    } catch (error) {
      this.#report(path, reason(error))
      return undefined
    }
  }

  #report(path: string, why: string): void {
    if (this.#reported.has(path)) return
    this.#reported.add(path)
    this.#options.log.warning(`No signature is believed by ${path}: ${why}.`)
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
