/**
 * Name of a log or pid file: `%p` node name, `%n` its part before the `@`, `%h` host, `%d` its domain, `%i` and `%I`
 * number of the pool process (`0` and nothing in the main one), `%%` a percent sign.
 * Source: celery/utils/nodenames.py node_format; celery/utils/log.py.
 */
export function expandFileName(pattern: string, nodeName: string, host: string): string {
  const dot = host.indexOf('.')
  const parts: Readonly<Record<string, string>> = {
    p: nodeName,
    n: nodeName.slice(0, nodeName.indexOf('@')),
    h: host,
    d: dot < 0 ? '' : host.slice(dot + 1),
    i: '0',
    I: '',
    '%': '%',
  }
  return pattern.replace(/%(.)/g, (whole, letter: string) => parts[letter] ?? whole)
}
