/*
 * Topic patterns as Kombu stores and reads them: Python regular expressions made of a routing key. `*` is `.*?[^\.]`, `#` is
 * `.*?`, words are joined by `\.`, whatever is neither letter nor digit is escaped. So `a.#` does not match `a`, and `*` may
 * span several words: unlike RabbitMQ, but what both sides of a shared Redis have to agree on.
 * Source: kombu/transport/virtual/exchange.py `TopicExchange`, kombu/utils/text.py `escape_regex`.
 */

const STAR = '.*?[^\\.]'
const HASH = '.*?'

/** `a.*.#` → `^a\..*?[^\.]\..*?$` */
export function kombuPattern(routingKey: string): string {
  const words = routingKey.split('.').map(word => (word === '*' ? STAR : word === '#' ? HASH : escaped(word)))
  return `^${words.join('\\.')}$`
}

/** `.`, `#` and `*` stay as they are, also within a word. */
function escaped(word: string): string {
  return [...word].map(character => (/[\p{L}\p{N}#*]/u.test(character) ? character : `\\${character}`)).join('')
}

type Element = { readonly kind: 'any' | 'any-but-dot' } | { readonly kind: 'text'; readonly text: string }

/**
 * Whether a stored pattern matches, in time proportional to pattern × key: no expression from the store is handed to an
 * engine that may take forever. What is not built of the elements above matches nothing.
 */
export function matchesKombuPattern(pattern: string, routingKey: string): boolean {
  const elements = parse(pattern)
  if (elements === undefined) return false
  const length = routingKey.length
  let reached: boolean[] = Array.from({ length: length + 1 }, (_, at) => at === 0)
  for (const element of elements) reached = step(reached, element, routingKey)
  return reached[length] === true
}

function step(reached: readonly boolean[], element: Element, key: string): boolean[] {
  const next: boolean[] = new Array(reached.length).fill(false)
  let seen = false
  for (let at = 0; at < reached.length; at++) {
    switch (element.kind) {
      case 'text':
        if (reached[at] === true && key.startsWith(element.text, at)) next[at + element.text.length] = true
        break
      case 'any':
        seen ||= reached[at] === true
        next[at] = seen
        break
      case 'any-but-dot':
        next[at] = seen && key[at - 1] !== '.'
        seen ||= reached[at] === true
        break
      default:
        element satisfies never
    }
  }
  return next
}

function parse(pattern: string): readonly Element[] | undefined {
  if (!pattern.startsWith('^') || !pattern.endsWith('$')) return undefined
  const body = pattern.slice(1, -1)
  const elements: Element[] = []
  for (let at = 0; at < body.length; ) {
    if (body.startsWith(STAR, at)) {
      elements.push({ kind: 'any-but-dot' })
      at += STAR.length
    } else if (body.startsWith(HASH, at)) {
      elements.push({ kind: 'any' })
      at += HASH.length
    } else if (body[at] === '\\' && at + 1 < body.length) {
      elements.push({ kind: 'text', text: body[at + 1] as string })
      at += 2
    } else if (/[\p{L}\p{N}#]/u.test(body[at] as string)) {
      elements.push({ kind: 'text', text: body[at] as string })
      at++
    } else return undefined
  }
  return elements
}
