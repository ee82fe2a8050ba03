import { X509Certificate } from 'node:crypto'
import { ConfigError } from '../lib/errors.js'
import type { EpochMs } from '../lib/time.js'
import { derElements, derText } from './der.js'

const MIN_BITS = 2048
const SEQUENCE = 0x30
const VERSION = 0xa0

/** A certificate whose key signs messages, and the id by which messages name it. */
export interface SignerCertificate {
  /** Values of the issuer's attributes in encoded order, then the serial number in decimal, joined by spaces. */
  readonly id: string
  readonly x509: X509Certificate
  readonly bits: number
  readonly validFrom: EpochMs
  readonly validTo: EpochMs
}

/**
 * Reads a PEM or DER certificate. Only RSA keys of at least 2048 bits, as Celery's `auth` serializer knows no others.
 * Throws `ConfigError`. Source: celery/security/certificate.py `Certificate.get_id`.
 */
export function signerCertificate(encoded: string | Uint8Array): SignerCertificate {
  try {
    const x509 = new X509Certificate(encoded)
    const bits = rsaBits(x509)
    const serial = BigInt(`0x${x509.serialNumber}`)
    return {
      id: [...issuerValues(x509.raw), String(serial)].join(' '),
      x509,
      bits,
      validFrom: Date.parse(x509.validFrom),
      validTo: Date.parse(x509.validTo),
    }
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause
    throw new ConfigError('LVG_SIGNING_SETUP', 'a certificate for signing is not a readable X.509 certificate', {
      cause,
    })
  }
}

function rsaBits(x509: X509Certificate): number {
  const { asymmetricKeyType, asymmetricKeyDetails } = x509.publicKey
  const bits = asymmetricKeyType === 'rsa' ? (asymmetricKeyDetails?.modulusLength ?? 0) : 0
  if (bits >= MIN_BITS) return bits
  throw new ConfigError('LVG_SIGNING_SETUP', `certificates for signing need an RSA key of at least ${MIN_BITS} bits`)
}

/** From the DER, because the issuer as Node prints it has commas and quotes escaped. */
function issuerValues(raw: Buffer): readonly string[] {
  const [certificate] = derElements(raw)
  const [signed] = derElements(certificate?.content ?? Buffer.alloc(0))
  const fields = derElements(signed?.content ?? Buffer.alloc(0))
  // [version], serial number, signature algorithm, issuer, …
  const issuer = fields[fields[0]?.tag === VERSION ? 3 : 2]
  if (issuer?.tag !== SEQUENCE) throw new RangeError('the certificate has no issuer')
  return derElements(issuer.content)
    .flatMap(names => derElements(names.content))
    .map(attribute => derText(derElements(attribute.content)[1] ?? { tag: 0, content: Buffer.alloc(0) }))
}

/** The certificates whose signatures are believed, by id. Whoever reads them from disk replaces them as they change. */
export class CertificateStore {
  #byId: ReadonlyMap<string, SignerCertificate> = new Map()

  constructor(certificates: readonly SignerCertificate[]) {
    this.replace(certificates)
  }

  find(id: string): SignerCertificate | undefined {
    return this.#byId.get(id)
  }

  /** Throws `ConfigError` when two have the same id. */
  replace(certificates: readonly SignerCertificate[]): void {
    const byId = new Map(certificates.map(certificate => [certificate.id, certificate]))
    if (byId.size < certificates.length) {
      throw new ConfigError('LVG_SIGNING_SETUP', 'two certificates of the store have the same issuer and serial number')
    }
    this.#byId = byId
  }
}
