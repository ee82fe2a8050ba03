import assert from 'node:assert/strict'
import { constants, createPrivateKey, sign } from 'node:crypto'
import { test } from 'node:test'
import { ConfigError } from '../../src/lib/errors.js'
import type { SigningOptions } from '../../src/protocol/auth-serializer.js'
import type { Codec, Encoded } from '../../src/protocol/codec.js'
import { createCodec } from '../../src/protocol/create-codec.js'
import type { DeadLetterReason } from '../../src/protocol/dead-letter.js'
import { CertificateStore, signerCertificate } from '../../src/protocol/signer-certificate.js'
import { vector, vectors } from '../support/vectors.js'

const PEM: string = vector('security/worker.pem')
const KEY: string = vector('security/worker.key')
const own = signerCertificate(PEM)
const NOW = own.validFrom + 1000

function signed(change: Partial<SigningOptions> = {}): Codec {
  const signing = { key: KEY, certificate: PEM, store: new CertificateStore([own]), now: () => NOW, ...change }
  return createCodec({ accept: ['auth'], serializer: 'auth', signing })
}

function reason(codec: Codec, encoded: Encoded): DeadLetterReason | 'read' {
  const decoded = codec.decode(encoded)
  return decoded.kind === 'value' ? 'read' : decoded.reason
}

const BODY = [['ž'], { k: 1 }, { callbacks: null, errbacks: null, chain: null, chord: null }]
const SEPARATOR = Buffer.from([0, 1])

interface Parts {
  readonly signer: string
  readonly signature: Buffer
  readonly contentType: string
  readonly contentEncoding: string
  readonly body: Buffer
}

/** A message made by hand, signed by the real key unless `change` says otherwise. */
function forged(change: Partial<Parts> = {}, saltLength = 222, digest = 'sha256'): Encoded {
  const body = change.body ?? Buffer.from(JSON.stringify(BODY))
  const key = { key: createPrivateKey(KEY), padding: constants.RSA_PKCS1_PSS_PADDING, saltLength }
  const parts: Parts = {
    signer: own.id,
    signature: sign(digest, body, key),
    contentType: 'application/json',
    contentEncoding: 'utf-8',
    body,
    ...change,
  }
  const fields = [
    Buffer.from(Buffer.from(parts.signer).toString('base64')),
    Buffer.from(parts.signature.toString('base64')),
    Buffer.from(parts.contentType),
    Buffer.from(parts.contentEncoding),
    parts.body,
  ]
  return wrapped(Buffer.concat(fields.flatMap((field, i) => (i === 0 ? [field] : [SEPARATOR, field]))))
}

function wrapped(content: Buffer): Encoded {
  return {
    contentType: 'application/data',
    contentEncoding: 'utf-8',
    compression: undefined,
    body: Buffer.from(content.toString('base64')),
  }
}

for (const { path, vector: captured } of vectors('celery-5.6.2/messages/amqp/auth_signed')) {
  test(`S20 the message of ${path} is believed`, () => {
    const [{ properties, body }] = captured.messages
    const decoded = signed().decode({
      contentType: properties.content_type,
      contentEncoding: properties.content_encoding,
      compression: undefined,
      body: Buffer.from(body.text ?? '', 'utf8'),
    })
    assert.equal(decoded.kind, 'value')
  })
}

test('S20 what is signed with any digest comes back', () => {
  for (const digest of ['sha256', 'sha384', 'sha512']) {
    const codec = signed({ digest })
    const encoded = codec.encode(BODY)
    assert.deepEqual([encoded.contentType, encoded.contentEncoding], ['application/data', 'utf-8'])
    assert.deepEqual(codec.decode(encoded), { kind: 'value', value: BODY })
  }
})

test('S20 a signed message is compressed and named like any other', () => {
  const codec = signed()
  const encoded = codec.encode(BODY, { compression: 'gzip' })
  assert.deepEqual(codec.decode(encoded), { kind: 'value', value: BODY })
})

test('a body that holds the separator is one field', () => {
  const body = Buffer.from(JSON.stringify(['x']).replace('x', 'a\\u0000\\u0001'))
  assert.equal(reason(signed(), forged({ body })), 'read')
})

for (const [what, message] of [
  ['another body', forged({ signature: Buffer.from(forged().body.subarray(0, 256)) })],
  ['an unknown signer', forged({ signer: 'somebody 1' })],
  ['an empty signer', forged({ signer: '' })],
  ['the wrong digest', forged({}, 190, 'sha512')],
  ['a shorter salt', forged({}, 32)],
  ['no salt', forged({}, 0)],
  ['another inner content type', forged({ contentType: 'application/x-python-serialize' })],
  ['another inner encoding', forged({ contentEncoding: 'utf-16' })],
  ['an empty signature', forged({ signature: Buffer.alloc(0) })],
  ['too few fields', wrapped(Buffer.from('a\u0000\u0001b'))],
  ['no base64 outside', { ...forged(), body: Buffer.from('###') }],
  [
    'no base64 inside',
    wrapped(Buffer.concat([Buffer.from('?'), SEPARATOR, Buffer.from('?'), SEPARATOR, SEPARATOR, SEPARATOR])),
  ],
] as const) {
  test(`M43 ${what}: the message is not believed`, () => {
    assert.equal(reason(signed(), message), 'bad-signature')
  })
}

test('M43 a certificate that is not valid at this moment is not believed', () => {
  let now = NOW
  const codec = signed({ now: () => now })
  const encoded = codec.encode(BODY)
  for (const [at, expected] of [
    [own.validFrom - 1, 'bad-signature'],
    [own.validFrom, 'read'],
    [own.validTo, 'read'],
    [own.validTo + 1, 'bad-signature'],
  ] as const) {
    now = at
    assert.equal(reason(codec, encoded), expected)
  }
})

test('S22 a certificate taken out of the store is believed no more', () => {
  const store = new CertificateStore([own])
  const codec = signed({ store })
  const encoded = codec.encode(BODY)
  store.replace([])
  assert.equal(reason(codec, encoded), 'bad-signature')
})

test('S22 two certificates of one id are a mistake', () => {
  assert.throws(() => new CertificateStore([own, own]), { code: 'LVG_SIGNING_SETUP' })
})

test('unsigned JSON is disallowed where messages are signed', () => {
  const plain = createCodec({ accept: ['json'], serializer: 'json' }).encode(BODY)
  assert.equal(reason(signed(), plain), 'disallowed-content')
})

test('S21 the set-up is all or nothing', () => {
  const signing: SigningOptions = { key: KEY, certificate: PEM, store: new CertificateStore([own]), now: () => NOW }
  for (const make of [
    () => createCodec({ accept: ['auth', 'json'], serializer: 'auth', signing }),
    () => createCodec({ accept: ['auth'], serializer: 'json', signing }),
    () => signed({ key: 'no key' }),
    () => signed({ certificate: 'no certificate' }),
    () => signed({ certificate: ODD }),
    () => signed({ digest: 'sha1' }),
    () => signed({ now: () => own.validTo + 1 }),
  ]) {
    assert.throws(make, (error: unknown) => error instanceof ConfigError && error.code === 'LVG_SIGNING_SETUP')
  }
})

test('S21 an encrypted key is opened by its password', () => {
  const encrypted = createPrivateKey(KEY).export({
    type: 'pkcs8',
    format: 'pem',
    cipher: 'aes-256-cbc',
    passphrase: 'secret',
  })
  const codec = signed({ key: encrypted.toString(), keyPassword: 'secret' })
  assert.equal(reason(codec, codec.encode(BODY)), 'read')
  assert.throws(() => signed({ key: encrypted.toString(), keyPassword: 'wrong' }), { code: 'LVG_SIGNING_SETUP' })
})

test('S20 the id of a signer is taken from the certificate as it is encoded, not as it is printed', () => {
  assert.equal(
    signerCertificate(ODD).id,
    'CZ Žluť, "Kůň" = s.r.o. first second a,b=c 730750818665451459101842416358141509827966271487',
  )
})

test('S21 keys that are weak or not RSA are refused', () => {
  for (const pem of [WEAK, ELLIPTIC]) assert.throws(() => signerCertificate(pem), { code: 'LVG_SIGNING_SETUP' })
})

/** Commas, quotes, equals signs, two organisational units, a serial number of twenty bytes. */
const ODD = `-----BEGIN CERTIFICATE-----
MIIDpTCCAo2gAwIBAgIUf/////////////////////////8wDQYJKoZIhvcNAQEL
BQAwYTELMAkGA1UEBhMCQ1oxITAfBgNVBAoMGMW9bHXFpSwgIkvFr8WIIiA9IHMu
ci5vLjEOMAwGA1UECwwFZmlyc3QxDzANBgNVBAsMBnNlY29uZDEOMAwGA1UEAwwF
YSxiPWMwIBcNMjYxMTIwMTI0ODMyWhgPMjEyNjEwMjcxMjQ4MzJaMGExCzAJBgNV
BAYTAkNaMSEwHwYDVQQKDBjFvWx1xaUsICJLxa/FiCIgPSBzLnIuby4xDjAMBgNV
BAsMBWZpcnN0MQ8wDQYDVQQLDAZzZWNvbmQxDjAMBgNVBAMMBWEsYj1jMIIBIjAN
BgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAzV6a0Ow8kDAyVY+cSJQEXPny4ah0
MNJTq66VeCndzIgKGcgYNNfMjfls/uchmsiWhhbePqHhrwxca9o1a6z+Rda0LwSg
kp+p+CkccYjoHXHVNoRC2euqKopk1oiinyu33xZBDL2Q1Kip6yb8EpwHb6LhT6mj
TFbU4OgzsQ4Gi3G26AmT2b2BP50pgsR0PUO4x/Hmdt9ATUwmVqkfMlvYcZ11w47H
hIR5TBtNBm4m8sJR0CvJqiqqP9+BiRFU1wiayD4EcY2TMeGu20qsLjGPu3Cja5Av
xKzuOwNFpqPPm+JYCzoOBpqjCmHhErpJDu6nlI1Bm7ZKuwawtycR0rJawQIDAQAB
o1MwUTAdBgNVHQ4EFgQUUl3VmTrZtwywSd2uo7N1Rsaruo4wHwYDVR0jBBgwFoAU
Ul3VmTrZtwywSd2uo7N1Rsaruo4wDwYDVR0TAQH/BAUwAwEB/zANBgkqhkiG9w0B
AQsFAAOCAQEAe+WCNVsEpvkM9DRSgCxJewN6GXqCtS3K2fhB6bVdo6Q7y8XdMDyx
36y5G4Vt96qBCZbG/bI51rFyy0DV71T53JvUQ+VE3DFtxJMDyU/orjYXZNbtwO2g
sgrL6ZNz5C3jvD1U12QRsuSRg6MZ+vxRdSGeEQbT/HqMNtp5vh/ZneAEawJJnplz
SpHj3mDov05Ktf5Pj1ktOzoAUSAE0tfof8jfRv+Civ2YnzgbJv6jJHXoZSwqirIY
2UveQDCX6/Rd3lRI+yaJg3vknG8NPv/JTV3Z+efM08bfZrx2oZcvcObke5FqoQj4
kplxKY4rLBhgCo6V+6y4v94N6bPcM/jAbQ==
-----END CERTIFICATE-----
`

/** RSA of 1024 bits. */
const WEAK = `-----BEGIN CERTIFICATE-----
MIIB6TCCAVKgAwIBAgIBBTANBgkqhkiG9w0BAQsFADAPMQ0wCwYDVQQDDAR3ZWFr
MCAXDTI2MTEyMDEyNDgzMloYDzIxMjYxMDI3MTI0ODMyWjAPMQ0wCwYDVQQDDAR3
ZWFrMIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDRRmHJONOdAxAGU070oDQp
nn57Biq1Os0vQdho2G+/SakgY7tiqR2o7KApmnWBecrrPB6756zFdLBfg+3sSPWh
LtMPuYFzCSrH3WyoaMYAtJbTcqoWvP/m7+SscRlXlx1R9RG0RX6+LxqyNMTt9KAP
ADJ7UklVHBXa8WXppxOm/wIDAQABo1MwUTAdBgNVHQ4EFgQU66AKWUA+6Sv5xFYK
rKz72mKnn34wHwYDVR0jBBgwFoAU66AKWUA+6Sv5xFYKrKz72mKnn34wDwYDVR0T
AQH/BAUwAwEB/zANBgkqhkiG9w0BAQsFAAOBgQBNYclFTHKapNWjya9pyDwHEL3w
PPdeylpEkWhwFpGZ6CO01FL6Rx3Y3AVoD5JKa9W/htMEVXC6ImnT4mMWn5VovFyc
bH6kX9PDOLMuOCtC4r1++jrhmYZEvPMmUhqx+oOlkVm5bpdfQoQ0TtiDlPWiUwht
CGeWfXeA/d7e1xr8PA==
-----END CERTIFICATE-----
`

const ELLIPTIC = `-----BEGIN CERTIFICATE-----
MIIBcDCCARegAwIBAgIUIf+Si1eACPPfbN+NPfeOFLVSSCkwCgYIKoZIzj0EAwIw
DTELMAkGA1UEAwwCZWMwIBcNMjYxMTIwMTI0ODMyWhgPMjEyNjEwMjcxMjQ4MzJa
MA0xCzAJBgNVBAMMAmVjMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEY6LWqm6f
kVENlza6RhhTOC2Y4M4OG+rcxfHC/JyWp3kXyi1VDG0Dya0o3C1z47YSQMwS1bQc
bOqXF3rT0OASB6NTMFEwHQYDVR0OBBYEFAHfYBzz1n9RbPaoIIU9SdgyQIQjMB8G
A1UdIwQYMBaAFAHfYBzz1n9RbPaoIIU9SdgyQIQjMA8GA1UdEwEB/wQFMAMBAf8w
CgYIKoZIzj0EAwIDRwAwRAIgWbJRWonLtv85QVKmsbKBEDG0PCt8asnJgSnozmaD
CZoCIDnHFwIpegJn1xj0Yypw6uCO15azHUaoAc2kYwmYFHND
-----END CERTIFICATE-----
`
