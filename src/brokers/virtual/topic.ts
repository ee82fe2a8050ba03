/** The words of a routing key or pattern. The empty key has none, as in RabbitMQ. */
export function topicWords(text: string): readonly string[] {
  return text === '' ? [] : text.split('.')
}

/**
 * Topic matching with RabbitMQ's meaning: `*` is exactly one word, `#` any number of words, none included.
 *
 * At most words × pattern words steps, whatever the number of `#` (greedy with one backtrack point): both are limited
 * to 255 bytes (L06), so no pattern can stall us. Kombu's Redis transport reads patterns differently; the Redis
 * adapter routes by the expressions stored there instead.
 */
export function topicMatches(pattern: readonly string[], words: readonly string[]): boolean {
  let p = 0
  let w = 0
  let hashAt = -1
  let resume = 0
  while (w < words.length) {
    const element = pattern[p]
    if (element === '#') {
      hashAt = p++
      resume = w
    } else if (element === '*' || (element !== undefined && element === words[w])) {
      p++
      w++
    } else if (hashAt >= 0) {
      p = hashAt + 1
      w = ++resume
    } else return false
  }
  while (pattern[p] === '#') p++
  return p === pattern.length
}
