import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SettingsInput } from '../../../src/app/settings.js'

/** Key and certificate of one who signs messages. */
export interface Signer {
  readonly key: string
  readonly certificate: string
}

/** Signers made anew with the system's `openssl`, and a folder with the certificates of those that are believed. */
export class Signers implements Disposable {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'lovage-signers-'))
  readonly store: string

  constructor() {
    this.store = join(this.folder, 'store')
    mkdirSync(this.store)
  }

  make(name: string, days = 2): Signer {
    const [key, certificate] = [join(this.folder, `${name}.key`), join(this.folder, `${name}.pem`)]
    const words = [
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      String(days),
      '-subj',
      `/O=Shop, "Ltd"/CN=${name}`,
    ]
    execFileSync('openssl', [...words, '-keyout', key, '-out', certificate], { stdio: 'pipe' })
    return { key, certificate }
  }

  /** Answers the file that says so. */
  believe(signer: Signer, name: string): string {
    const path = join(this.store, `${name}.pem`)
    copyFileSync(signer.certificate, path)
    return path
  }

  /** Of an app that signs as this one. */
  settings(signer: Signer): SettingsInput {
    return {
      taskSerializer: 'auth',
      acceptContent: ['auth'],
      resultSerializer: 'auth',
      securityKey: signer.key,
      securityCertificate: signer.certificate,
      securityCertStore: this.store,
    }
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}
