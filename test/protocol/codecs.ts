import type { Codec } from '../../src/protocol/codec.js'
import { createCodec } from '../../src/protocol/create-codec.js'
import type { Message } from '../../src/protocol/message.js'
import { CertificateStore, signerCertificate } from '../../src/protocol/signer-certificate.js'
import { vector } from '../support/vectors.js'

const codecs = new Map<string, Codec>()

/** A codec set up as the reader of that message was; without a message, as the one of its results. */
export function codecFor(path: string, message?: Message): Codec {
  if (message?.properties.contentType === 'application/data') return cached('auth', signedCodec)
  if (path.includes('content_type_refused')) {
    return cached('json', () => createCodec({ accept: ['json'], serializer: 'json' }))
  }
  return cached('all', () => createCodec({ accept: ['json', 'yaml', 'msgpack'], serializer: 'json' }))
}

function signedCodec(): Codec {
  const certificate: string = vector('security/worker.pem')
  const signing = {
    key: vector('security/worker.key') as string,
    certificate,
    store: new CertificateStore([signerCertificate(certificate)]),
    now: () => Date.UTC(2026, 10, 20, 12),
  }
  return createCodec({ accept: ['auth'], serializer: 'auth', signing })
}

function cached(key: string, make: () => Codec): Codec {
  const codec = codecs.get(key) ?? make()
  codecs.set(key, codec)
  return codec
}
