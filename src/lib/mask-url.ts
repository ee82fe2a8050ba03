/** What stands in place of a secret. */
export const MASK = '********'

const SECRET_NAME = /api|token|key|secret|pass|signature|credential|dsn|auth|cookie/i
/** Names that match the pattern and are no secrets. */
const OPEN_NAMES: ReadonlySet<string> = new Set(['routingkey', 'taskdefaultroutingkey', 'defaultroutingkey'])

/** True for names under which secrets are kept: `password`, `apiKey`, `AUTH_TOKEN` … (S80). */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name) && !OPEN_NAMES.has(name.replace(/[-_]/g, '').toLowerCase())
}

/**
 * A URL, or several joined by `;`, without its passwords: `amqp://user:********@host`. Works on text that is not a
 * valid URL too (a raw `@` or `/` in the password), at the price of hiding too much rather than too little.
 */
export function maskUrl(text: string): string {
  return text.split(';').map(maskOne).join(';')
}

function maskOne(url: string): string {
  return url
    .replace(/^(\s*[a-z][a-z0-9+.-]*:\/\/)([^:@/?#]*):(.*)@/is, `$1$2:${MASK}@`)
    .replace(/([?&])([^=&#?]+)=([^&#]*)/g, (whole, mark: string, name: string) =>
      isSecretName(name) ? `${mark}${name}=${MASK}` : whole,
    )
}
