/**
 * A node's name from its pattern: `%h` full host name, `%n` its first label, `%d` its domain; a name without `@` gets
 * the prefix `celery@` … the host, as peers expect. Source: celery/utils/nodenames.py (host_format, default_nodename).
 *
 * | pattern | on `web1.example.org` |
 * | --- | --- |
 * | none | `celery@web1.example.org` |
 * | `mail@%h` | `mail@web1.example.org` |
 * | `mail@%d` | `mail@example.org` |
 * | `mail` | `celery@mail` |
 */
export function expandNodeName(pattern: string | undefined, host: string): string {
  const full = pattern === undefined || pattern === '' ? 'celery@%h' : pattern
  const dot = host.indexOf('.')
  const parts: Readonly<Record<string, string>> = {
    h: host,
    n: dot < 0 ? host : host.slice(0, dot),
    d: dot < 0 ? '' : host.slice(dot + 1),
    '%': '%',
  }
  const named = full.includes('@') ? full : `celery@${full}`
  return named.replace(/%([hnd%])/g, (_, letter: string) => parts[letter] as string)
}
