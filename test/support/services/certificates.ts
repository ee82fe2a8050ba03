import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** An authority and what it signed, as files; made anew for each use by the system's `openssl`. */
export interface Certificates extends Disposable {
  readonly folder: string
  readonly authority: string
  /** For `localhost` and 127.0.0.1. */
  readonly server: CertificateFiles
  /** The same, but its time is over. */
  readonly expired: CertificateFiles
  readonly client: CertificateFiles
  /** An authority that signed none of these. */
  readonly foreignAuthority: string
}

export interface CertificateFiles {
  readonly certificate: string
  readonly key: string
}

/** Undefined when certificates can be made here, otherwise why not. */
export function certificatesMissing(): string | undefined {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' })
    return undefined
  } catch {
    return 'openssl is not installed'
  }
}

export function makeCertificates(): Certificates {
  const folder = mkdtempSync(join(tmpdir(), 'lovage-certificates-'))
  const at = (name: string): string => join(folder, name)
  const openssl = (...args: readonly string[]): unknown => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })
  const authority = (name: string): string => {
    const subject = ['-subj', `/CN=${name}`, '-addext', 'basicConstraints=critical,CA:TRUE']
    openssl(
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      '2',
      ...subject,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.pem`,
    )
    return at(`${name}.pem`)
  }
  const sign = (name: string, ...dates: readonly string[]): CertificateFiles => {
    openssl(
      'req',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-subj',
      `/CN=${name}`,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.csr`,
    )
    openssl('ca', '-batch', '-config', 'ca.conf', '-in', `${name}.csr`, '-out', `${name}.pem`, '-notext', ...dates)
    return { certificate: at(`${name}.pem`), key: at(`${name}.key`) }
  }
  writeFileSync(at('index.txt'), '')
  writeFileSync(at('ca.conf'), CONFIGURATION)
  const ours = authority('authority')
  return {
    folder,
    authority: ours,
    server: sign('server', '-days', '2'),
    expired: sign('expired', '-startdate', '20200101000000Z', '-enddate', '20200102000000Z'),
    client: sign('client', '-days', '2'),
    foreignAuthority: authority('foreign'),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
}

const CONFIGURATION = `
[ca]
default_ca = ours
[ours]
dir = .
database = index.txt
new_certs_dir = .
rand_serial = yes
certificate = authority.pem
private_key = authority.key
default_md = sha256
default_days = 2
unique_subject = no
policy = any
x509_extensions = leaf
[any]
commonName = supplied
[leaf]
subjectAltName = DNS:localhost,IP:127.0.0.1
`
