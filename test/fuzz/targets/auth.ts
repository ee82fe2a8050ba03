import { createCodec } from '../../../src/protocol/create-codec.js'
import { CertificateStore, signerCertificate } from '../../../src/protocol/signer-certificate.js'
import { vector } from '../../support/vectors.js'
import { bytesOf } from '../expect.js'
import { mutateBytes } from '../mutate-bytes.js'
import type { FuzzRandom } from '../random.js'
import { Broken, type Outcome, type Target } from '../target.js'

const SIGNED: readonly unknown[] = [[[1, 2], {}, { callbacks: null }], 'text', { a: [1, { b: null }] }]

/** Signed bodies. Whatever is changed, what comes out is one of the values that were signed, or nothing. */
export function authTarget(): Target {
  const certificate: string = vector('security/worker.pem')
  const codec = createCodec({
    accept: ['auth'],
    serializer: 'auth',
    signing: {
      key: vector('security/worker.key') as string,
      certificate,
      store: new CertificateStore([signerCertificate(certificate)]),
      now: () => Date.UTC(2026, 10, 20, 12),
    },
  })
  const encoded = SIGNED.map(value => codec.encode(value))
  const wrapped = encoded.map(({ body }) => body)
  const opened = wrapped.map(body => Buffer.from(Buffer.from(body).toString(), 'base64'))
  const known = new Set(SIGNED.map(value => JSON.stringify(value)))
  const judge = (body: Uint8Array): Outcome => {
    const decoded = codec.decode({
      contentType: 'application/data',
      contentEncoding: 'utf-8',
      compression: undefined,
      body,
    })
    if (decoded.kind === 'undecodable') return decoded.reason
    if (!known.has(JSON.stringify(decoded.value))) throw new Broken('something was accepted that nobody signed')
    return 'value'
  }
  return {
    name: 'auth',
    inputs: 100_000,
    because: 'checking an RSA signature takes about 0.05 ms',
    make: random => ({ kind: 'bytes', bytes: make(random, wrapped, opened) }),
    judge: input => judge(bytesOf(input)),
  }
}

/** Half of them changed inside the outer base64, where the fields are. */
function make(random: FuzzRandom, wrapped: readonly Uint8Array[], opened: readonly Uint8Array[]): Uint8Array {
  if (random.once(20)) return random.pick(wrapped)
  if (random.once(4)) return mutateBytes(random.pick(wrapped), random, wrapped)
  return Buffer.from(Buffer.from(mutateBytes(random.pick(opened), random, opened)).toString('base64'))
}
