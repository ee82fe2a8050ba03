import { constants, createPrivateKey, type KeyObject, sign, verify } from 'node:crypto'
import { ConfigError } from '../lib/errors.js'
import type { EpochMs } from '../lib/time.js'
import { ProtocolError } from './errors.js'
import type { Serializer } from './serializer.js'
import { type CertificateStore, type SignerCertificate, signerCertificate } from './signer-certificate.js'
import { utf8Text } from './utf8-text.js'

/*
 * Celery's `auth` serializer: the JSON body in a signed wrapper.
 *
 *   base64( base64(signer id) 00 01 base64(signature) 00 01 content type 00 01 content encoding 00 01 body )
 *
 * The signature is RSASSA-PSS over the body alone, with the longest salt the key has room for. It covers neither headers
 * (which task runs, its id, eta, expiry) nor properties: a captured body can be sent again under another task name.
 * Source: celery/security/serialization.py, certificate.py, key.py (5.5 and later; older formats are not read).
 */

export interface SigningOptions {
  /** PEM, or a key already read. */
  readonly key: string | KeyObject
  /** For an encrypted PEM. */
  readonly keyPassword?: string
  /** Our own certificate, PEM; peers need it in their store. */
  readonly certificate: string
  /** Whose messages are believed. */
  readonly store: Pick<CertificateStore, 'find'>
  /** Setting `securityDigest`. Default `sha256`. */
  readonly digest?: string
  /** Wall time: validity is checked at every verification. */
  readonly now: () => EpochMs
}

const HASH_BYTES: Readonly<Record<string, number>> = { sha256: 32, sha384: 48, sha512: 64 }
const SEPARATOR: Buffer = Buffer.from([0, 1])
const FIELDS = 5

/** Throws `ConfigError` when key, certificate and digest do not fit together (S21). `inner`: the serializer of what is signed. */
export function authSerializer(inner: Serializer, options: SigningOptions): Serializer {
  const signing = new Signing(inner, options)
  return {
    name: 'auth',
    contentType: 'application/data',
    contentEncoding: 'utf-8',
    encode: (value, names) => signing.wrap(inner.encode(value, names)),
    decode: (body, exact) => inner.decode(signing.unwrap(body), exact),
    decodeInTurns: async (body, exact, turn) => {
      const signed = signing.unwrap(body)
      return inner.decodeInTurns?.(signed, exact, turn) ?? inner.decode(signed, exact)
    },
  }
}

class Signing {
  readonly #inner: Serializer
  readonly #key: KeyObject
  readonly #own: SignerCertificate
  readonly #store: SigningOptions['store']
  readonly #digest: string
  readonly #now: () => EpochMs

  constructor(inner: Serializer, options: SigningOptions) {
    this.#inner = inner
    this.#key = privateKey(options)
    this.#own = signerCertificate(options.certificate)
    this.#store = options.store
    this.#digest = options.digest ?? 'sha256'
    this.#now = options.now
    if (HASH_BYTES[this.#digest] === undefined)
      throw setup(`digest '${this.#digest}' is none of sha256, sha384, sha512`)
    if (!this.#own.x509.checkPrivateKey(this.#key)) throw setup('the key is not the one of the certificate')
    if (this.#now() > this.#own.validTo) throw setup(`the certificate '${this.#own.id}' has expired`)
  }

  wrap(body: Uint8Array): Uint8Array {
    const signature = sign(this.#digest, body, this.#padding(this.#own, this.#key))
    const fields = [
      Buffer.from(base64(Buffer.from(this.#own.id, 'utf8'))),
      Buffer.from(base64(signature)),
      Buffer.from(this.#inner.contentType),
      Buffer.from(this.#inner.contentEncoding),
      body,
    ]
    return Buffer.from(base64(Buffer.concat(fields.flatMap((field, i) => (i === 0 ? [field] : [SEPARATOR, field])))))
  }

  /** The body, once its signature is known to be good. Throws `ProtocolError` (bad-signature). */
  unwrap(wrapped: Uint8Array): Uint8Array {
    const [signer, signature, contentType, contentEncoding, body] = split(fromBase64(utf8Text(wrapped)))
    if (body === undefined || signer === undefined || signature === undefined) throw bad('it does not have five fields')
    const id = fromBase64(signer.toString('latin1')).toString('utf8')
    const certificate = this.#store.find(id)
    if (certificate === undefined) throw bad(`its signer ${JSON.stringify(id.slice(0, 64))} is unknown`)
    const now = this.#now()
    if (now < certificate.validFrom || now > certificate.validTo)
      throw bad('the certificate of its signer is not valid now')
    const key = this.#padding(certificate, certificate.x509.publicKey)
    if (!verify(this.#digest, body, key, fromBase64(signature.toString('latin1')))) throw bad('its signature is wrong')
    // The signature covers the body only: whoever passes it on could make another deserialiser read it (S23).
    if (contentType?.toString('latin1') !== this.#inner.contentType)
      throw bad('it holds another content type than JSON')
    if (contentEncoding?.toString('latin1').toLowerCase() !== this.#inner.contentEncoding) throw bad('it is not UTF-8')
    return body
  }

  /** The salt length is spelled out: asked to find it by itself, OpenSSL would take any, and peers take only the longest. */
  #padding(certificate: SignerCertificate, key: KeyObject): PssKey {
    const saltLength = Math.ceil((certificate.bits - 1) / 8) - (HASH_BYTES[this.#digest] ?? 0) - 2
    return { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength }
  }
}

interface PssKey {
  readonly key: KeyObject
  readonly padding: number
  readonly saltLength: number
}

function privateKey({ key, keyPassword }: SigningOptions): KeyObject {
  if (typeof key !== 'string') return key
  try {
    return createPrivateKey({ key, ...(keyPassword !== undefined && { passphrase: keyPassword }) })
  } catch (cause) {
    throw new ConfigError(
      'LVG_SIGNING_SETUP',
      'the key for signing is not a readable PEM key, or its password is wrong',
      { cause },
    )
  }
}

/** At the first four separators: the body may hold more. */
function split(bytes: Buffer): readonly Buffer[] {
  const fields: Buffer[] = []
  let from = 0
  while (fields.length < FIELDS - 1) {
    const at = bytes.indexOf(SEPARATOR, from)
    if (at < 0) return fields
    fields.push(bytes.subarray(from, at))
    from = at + SEPARATOR.length
  }
  return [...fields, bytes.subarray(from)]
}

function base64(bytes: Buffer): string {
  return bytes.toString('base64')
}

function fromBase64(text: string): Buffer {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw bad('it is not base64')
  return Buffer.from(text, 'base64')
}

function bad(why: string): ProtocolError {
  return new ProtocolError('bad-signature', `the signed message is refused: ${why}`)
}

function setup(problem: string): ConfigError {
  return new ConfigError('LVG_SIGNING_SETUP', `messages cannot be signed: ${problem}`)
}
